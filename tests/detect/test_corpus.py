"""One small repository for every code, and a clean twin of each that must stay silent."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitalign.configuration.settings import Detection
from gitalign.core.findings import Finding
from gitalign.core.outcome import Aligned, Failed
from gitalign.core.report import Report, Verdict
from tests.git.workspace import Workspace
from tests.runs import branch, run

DEFAULT = Detection().detectors
Files = Mapping[str, bytes | None]
LINES = b"".join(b"# line %d\n" % number for number in range(12))
MARKED = b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\nd\n"
PARSE = b"def parse(x):\n    return x\n\n\n" + LINES
RENAMED = PARSE.replace(b"def parse(", b"def parse_line(")
USE = b"from lib.text import parse\n\nprint(parse(1))\n"
# Put together here, so that nobody takes this file for one that holds a key.
CLOUD_KEY = b"AKIA" + b"Q3ZL7T2MNB6VXC5D"
RANDOM = b"u8Zq" + b"T4nVx1KpLw7RfYb3HdJ9sGcMa2Ee"
PRIVATE = (
    b"-----BEGIN RSA PRIV"
    + b"ATE KEY-----\n"
    + b"MIIEpQIBAAKCAQEAx3kR9vT2mNq8Zw5LpYb7HdJ4sGcFa1Ee6UiOoXr0BtVnKyQj\n" * 3
)
COMMENT = b"/*\n" + LINES.replace(b"#", b"//") + b"*/\nlet b = 2;\n"
INIT = {"lib/__init__.py": b"", "lib/text.py": PARSE}


@dataclass(frozen=True)
class Case:
    """What base, target and branch hold, and what must be found; nothing in a twin.

    Attributes:
        expected: (code, path, who brought it), the first finding that is not `info`.
        refused: the branch must not be published.
        also: detectors asked beside the default ones.
    """

    base: Files
    target: Files
    topic: Files
    expected: tuple[str, str | None, str | None] | None
    refused: bool = False
    also: tuple[str, ...] = ()


CASES = {
    "marker that the branch brings": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": MARKED}, ("conflict_marker", "n.txt", "branch")),
    "marker with a diff3 base": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": MARKED.replace(b"=======\n", b"||||||| 1234\nz\n=======\n")},
        ("conflict_marker", "n.txt", "branch"),
    ),
    "marker that the target has already": Case(
        {"f": MARKED + LINES}, {"g": b"1\n"}, {"f": MARKED + LINES + b"more\n"}, ("conflict_marker", "f", "target")
    ),
    "headings are no markers": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.md": b"Title\n=======\n\nQuote\n>>>>>>>\ntext\n"}, None),
    "longer and indented ones are no markers": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": b"<<<<<<<< x\n    <<<<<<< x\n========\n>>>>>>>> y\n  >>>>>>> y\n"}, None
    ),
    "prose about markers is none": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.md": b"It writes\n<<<<<<< and >>>>>>> around them:\n\n<<<<<<< is the first\n"}, None
    ),
    "half a marker with a commit's subject": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.c": b"a\n>>>>>>> 1234567 (fix: a thing or two)\n"}, ("conflict_marker", "n.c", "branch")
    ),
    "marker inside a binary": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.bin": b"\0" + MARKED}, None),
    "invalid UTF-8": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": b"gr\xfcn\n"}, ("encoding_invalid_utf8", "n.txt", "branch")),
    "valid UTF-8": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": "grün 日本\n".encode()}, None),
    "replacement characters": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.txt": "gr\ufffdn\n".encode()}, ("encoding_replacement_chars", "n.txt", "branch")
    ),
    "Python that the merge broke": Case(
        {"m.py": b"x = [\n    1,\n]\n" + LINES + b"y = 1\n"},
        {"m.py": b"x = (\n    1,\n]\n".replace(b"]", b")") + LINES + b"y = 1\n"},
        {"m.py": b"x = [\n    1,\n]\n" + LINES + b"y = 2\n"},
        None,
    ),
    "Python that two clean edits break": Case(
        {"m.py": b"if True:\n    a = 1\n" + LINES + b"if True:\n    b = 1\n"},
        {"m.py": b"if True:\n    a = 1\n" + LINES + b"if True:\n    b = 1\n    c = 2\n"},
        {"m.py": b"if True:\n    a = 1\n    d = (\n" + LINES + b"    )\nif True:\n    b = 1\n"},
        None,
    ),
    "Python that the branch broke": Case({"f": b"1\n"}, {"g": b"1\n"}, {"m.py": b"def f(:\n"}, ("syntax_error", "m.py", "branch")),
    "Python that only the merge broke": Case(
        {"m.py": b"x = '''\n" + LINES + b"'''\n" + LINES + b"y = 1\n"},
        {"m.py": b"x = '''\n" + LINES + b"'''\n" + LINES + b"y = '''1'''\n"},
        {"m.py": b"x = 0\n" + LINES + LINES + b"y = 1\n"},
        None,
    ),
    "JSON with a comma too many": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.json": b'{"a": 1,}\n'}, ("syntax_error", "n.json", "branch")
    ),
    "JSON that the merge broke": Case(
        {"n.json": b'{\n  "a": 1,\n\n  "b": 2,\n\n  "c": 3\n}\n'},
        {"n.json": b'{\n  "a": 1,\n\n  "b": 2\n}\n'},
        {"n.json": b'{\n  "z": 0,\n  "a": 1,\n\n  "b": 2,\n\n  "c": 3\n}\n'},
        None,
    ),
    "JSON with comments where they are meant": Case({"f": b"1\n"}, {"g": b"1\n"}, {"tsconfig.json": b"{ // yes\n}\n"}, None),
    "JSON, one document a line": Case({"f": b"1\n"}, {"g": b"1\n"}, {"log.json": b'{"a": 1}\n{"a": 2}\n'}, None),
    "YAML": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.yaml": b"a: [1\nb: 2\n"}, ("syntax_error", "n.yaml", "branch")),
    "YAML with tags and several documents": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.yml": b"a: !Ref x\n---\nb: !!python/object:os.system 1\n"}, None
    ),
    "YAML that is a template": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.yaml": b"a: {{ .Values.x }}\n{{- end }}\n"}, None),
    "TOML": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.toml": b"a = \n"}, ("syntax_error", "n.toml", "branch")),
    "TOML that both sides gave the same key": Case(
        {"n.toml": b"[a]\nx = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        {"n.toml": b"[a]\nx = 1\nk = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        {"n.toml": b"[a]\nk = 2\nx = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        ("syntax_error", "n.toml", "integration"),
        refused=True,
    ),
    "TOML with another key": Case(
        {"n.toml": b"[a]\nx = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        {"n.toml": b"[a]\nx = 1\nk = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        {"n.toml": b"[a]\nl = 2\nx = 1\n\n[b]\ny = 1\n\n[c]\nz = 1\n"},
        None,
    ),
    "JSON with a number longer than Python converts": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.json": b'{"a": ' + b"9" * 5_000 + b"}\n"}, None
    ),
    "a file that a parser trips over": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.toml": b"a = " + b"9" * 5_000 + b"\n"}, ("detector_failed", "n.toml", None), refused=True
    ),
    "a file that no parser trips over": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.toml": b"a = " + b"9" * 18 + b"\n"}, None),
    "a name the target renamed and the branch newly calls": Case(
        INIT, {"lib/text.py": RENAMED}, {"use.py": USE}, ("symbol_removed_in_use", "use.py", "integration"), refused=True
    ),
    "the same through the module": Case(
        INIT,
        {"lib/text.py": RENAMED},
        {"use.py": b"import lib.text as text\n\ntext.parse(1)\n"},
        ("symbol_removed_in_use", "use.py", "integration"),
        refused=True,
    ),
    "the same through the module by its whole name": Case(
        INIT,
        {"lib/text.py": RENAMED},
        {"use.py": b"import lib.text\n\nlib.text.parse(1)\n"},
        ("symbol_removed_in_use", "use.py", "integration"),
        refused=True,
    ),
    "the same through the module, taken from its package": Case(
        INIT,
        {"lib/text.py": RENAMED},
        {"use.py": b"from lib import text\n\ntext.parse(1)\n"},
        ("symbol_removed_in_use", "use.py", "integration"),
        refused=True,
    ),
    "the same through the module, taken from the package of the file": Case(
        INIT,
        {"lib/text.py": RENAMED},
        {"lib/use.py": b"from . import text as words\n\nwords.parse(1)\n"},
        ("symbol_removed_in_use", "lib/use.py", "integration"),
        refused=True,
    ),
    "a method of something taken from the module": Case(
        {**INIT, "lib/text.py": INIT["lib/text.py"] + b"\n\nclass Text:\n    def parse(self):\n        return 1\n"},
        {"lib/text.py": RENAMED + b"\n\nclass Text:\n    def parse(self):\n        return 1\n"},
        {"use.py": b"from lib.text import Text\n\nText.parse(1)\n"},
        None,
    ),
    "JSON too deep for its parser": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.json": b"[" * 200_000}, ("detector_failed", "n.json", None), refused=True
    ),
    "Python with a NUL byte": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.py": b"a = 1\0\n"}, ("syntax_error", "n.py", "branch")),
    "a name the target kept under its old name, too": Case(
        INIT, {"lib/text.py": RENAMED + b"\n\nparse = parse_line\n"}, {"use.py": USE}, None
    ),
    "a name the branch renamed and the target newly calls": Case(
        INIT, {"use.py": USE}, {"lib/text.py": RENAMED}, ("symbol_removed_in_use", "use.py", "integration"), refused=True
    ),
    "a name the branch renamed together with its use": Case(
        {**INIT, "use.py": USE}, {"g": b"1\n"}, {"lib/text.py": RENAMED, "use.py": USE.replace(b"parse", b"parse_line")}, None
    ),
    "a helper the target deleted and the branch newly calls in the same file": Case(
        {"m.py": b"def helper():\n    return 1\n\n\n" + LINES + b"def f():\n    return 2\n"},
        {"m.py": LINES + b"def f():\n    return 2\n"},
        {"m.py": b"def helper():\n    return 1\n\n\n" + LINES + b"def f():\n    return helper()\n"},
        ("symbol_removed_in_use", "m.py", "integration"),
        refused=True,
    ),
    "a name that neither side ever defined": Case(
        {"m.py": LINES + b"def f():\n    return 2\n"},
        {"m.py": b"import os\n" + LINES + b"def f():\n    return 2\n"},
        {"m.py": LINES + b"def f():\n    return magic()\n"},
        None,
    ),
    "a module the target deleted and the branch newly imports": Case(
        INIT, {"lib/text.py": None, "lib/other.py": b"x = 1\n"}, {"use.py": USE}, ("import_unresolved", "use.py", "integration"), refused=True
    ),
    "a module the branch deleted and the target newly imports": Case(
        INIT, {"use.py": USE}, {"lib/text.py": None, "lib/other.py": b"x = 1\n"}, ("import_unresolved", "use.py", "integration"), refused=True
    ),
    "a module the branch never had": Case(
        INIT, {"g": b"1\n"}, {"use.py": b"from lib.nowhere import x\n"}, ("import_unresolved", "use.py", "branch")
    ),
    "a module that may be missing": Case(
        INIT, {"lib/text.py": None, "lib/o.py": b"x = 1\n"}, {"use.py": b"try:\n    import lib.text\nexcept ImportError:\n    pass\n"}, None
    ),
    "modules that are made later": Case(
        {**INIT, "py.py": b"import sys\n"}, {"g": b"1\n"}, {"use.py": b"from lib._version import v\nimport lib.data_pb2\nimport py.path\n"}, None
    ),
    "a module that vanished from a package": Case(
        INIT, {"g": b"1\n"}, {"use.py": b"import lib.text.deep\nimport lib.gone\n"}, ("import_unresolved", "use.py", "branch")
    ),
    "relative imports and packages without init": Case(
        {"pkg/a/x.py": b"X = 1\n", "pkg/b/y.py": b"Y = 1\n"},
        {"g": b"1\n"},
        {"pkg/a/z.py": b"from .x import X\nfrom ..b.y import Y\nfrom ..b import y\nfrom pkg.a import x\nimport a.x\n"},
        None,
    ),
    "a path that differs in case from the target's": Case(
        {"f": b"1\n"}, {"docs/Readme.md": b"1\n"}, {"docs/README.md": b"2\n"}, ("path_case_collision", "docs/README.md", "integration")
    ),
    "a folder that differs in case": Case(
        {"f": b"1\n"}, {"Docs/a.md": b"1\n"}, {"docs/b.md": b"2\n"}, ("path_case_collision", "docs/b.md", "integration")
    ),
    "one form of a letter and the other": Case(
        {"f": b"1\n"}, {"gr\u00fcn": b"1\n"}, {"gru\u0308n": b"2\n"}, ("path_case_collision", "gru\u0308n", "integration")
    ),
    "paths that the branch renamed in case": Case({"readme": LINES}, {"g": b"1\n"}, {"readme": None, "README": LINES}, None),
    "a large file": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"large.dat": b"x" * 5_000_001}, ("large_blob", "large.dat", "branch")
    ),
    "prose in a comment that the target turned into code": Case(
        {"n.js": COMMENT},
        {"n.js": COMMENT.replace(b"/*\n", b"").replace(b"*/\n", b"")},
        {"n.js": COMMENT.replace(b"// line 5\n", b"// line 5\nand this is prose, no code\n")},
        ("syntax_error", "n.js", "integration"),
        refused=True,
        also=("languages",),
    ),
    "code in a comment that the target turned into code": Case(
        {"n.js": COMMENT},
        {"n.js": COMMENT.replace(b"/*\n", b"").replace(b"*/\n", b"")},
        {"n.js": COMMENT.replace(b"// line 5\n", b"// line 5\nlet c = 3;\n")},
        None,
        also=("languages",),
    ),
    "Go that the branch broke": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.go": b"package n\n\nfunc f( {\n}\n"}, ("syntax_error", "n.go", "branch"), also=("languages",)
    ),
    "Rust that the target had broken": Case(
        {"n.rs": b"fn f( {\n" + LINES.replace(b"#", b"//")}, {"g": b"1\n"}, {"n.rs": b"fn f( {\n" + LINES.replace(b"#", b"//") + b"fn g() {}\n"},
        ("syntax_error", "n.rs", "target"), also=("languages",),
    ),
    "sound files in all languages": Case(
        {"f": b"1\n"},
        {"g": b"1\n"},
        {
            "a.js": b"export const f = async (x) => `${await x}` ?? {...x};\n",
            "a.jsx": b"const A = () => <b style={{ color: 'red' }}>{1}</b>;\n",
            "t.js": b"const f = (x: number): string => String(x);\n",
            "a.ts": b"export function f<T extends object>(x: T): keyof T { return x as any; }\n",
            "a.tsx": b"export const A = <T,>(x: { y: T }) => <b>{String(x.y)}</b>;\n",
            "a.go": b"package a\n\nfunc F[T any](x T) T { return x }\n",
            "a.rs": b"fn f<'a>(x: &'a str) -> &'a str { x }\n",
            "A.java": b"record A(int x) { String s() { return switch (x) { case 1 -> \"a\"; default -> \"b\"; }; } }\n",
            "a.c": b"int main(void) { return 0; }\n",
            "a.h": b"#pragma once\ntemplate <class T> class A { T x; };\n",
            "a.cpp": b"#include <map>\nauto f = [](auto x) { return x; };\n",
            "a.sh": b"#!/bin/sh\nfor f in *; do echo \"$f\" | sed 's/a/b/'; done\n",
            "a.css": b"a > b:not(.c) { color: var(--x); }\n",
            "a.min.js": b"(((\n",
            "t.ts": b"const a = {% if x %};\n",
            "b.js": b"\0(((\n",
        },
        None,
        also=("languages",),
    ),
    "C that only its macros make whole": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"a.c": b"int f(int x UNUSED) { return 0; }\n"}, None, also=("languages",)
    ),
    "broken code of another language, and nobody asked": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.go": b"func f( {\n"}, None),
    "a cloud key that the branch brings": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.py": b"key = '" + CLOUD_KEY + b"'\n"}, ("secret_suspected", "n.py", "branch"), also=("secrets",)
    ),
    "a key that the target has already, on another line": Case(
        {"n.sh": b"KEY=" + CLOUD_KEY + b"\n" + LINES}, {"g": b"1\n"}, {"n.sh": b"#!\n\nKEY=" + CLOUD_KEY + b"\n" + LINES},
        ("secret_suspected", "n.sh", "target"), also=("secrets",),
    ),
    "another key than the target's": Case(
        {"k.pem": PRIVATE + b"-----END\n" + LINES}, {"g": b"1\n"}, {"k.pem": PRIVATE.replace(b"x3kR", b"y4lS") + b"-----END\n" + LINES},
        ("secret_suspected", "k.pem", "branch"), also=("secrets",),
    ),
    "a random word": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.py": b"salt = '" + RANDOM + b"'\n"}, ("secret_suspected", "n.py", "branch"), also=("secrets",)
    ),
    "a password by its name": Case(
        {"f": b"1\n"}, {"g": b"1\n"}, {"n.yaml": b"db_password: k3Rf9-Tq\n"}, ("secret_suspected", "n.yaml", "branch"), also=("secrets",)
    ),
    "what only looks like a credential": Case(
        {"f": b"1\n"},
        {"g": b"1\n"},
        {
            "a.py": b"password = get_password('db')\nsecret = os.environ['SECRET']\napi_key = '<your-api-key>'\ntoken = '${TOKEN}'\n",
            "b.py": b"key = 'AKIA" + b"IOSFODNN7EXAMPLE'\npassword = 'changeme'\nsecret = '0123456789abcdef'\nX = '" + b"0f" * 20 + b"'\n",
            "c.md": b"Look for a line with BEGIN RSA PRIV" + b"ATE KEY in it.\n",
            "yarn.lock": b"integrity '" + RANDOM + b"'\n",
            "d.bin": b"\0 '" + RANDOM + b"'\n",
            "e.py": b"known = '" + RANDOM + b"'  # pragma: allowlist secret\n",
            "u.py": b"run = '4b825dc6-42cb-4eb9-a060-e54bf8d69288'\ntree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'\n",
        },
        None,
        also=("secrets",),
    ),
    "a key, and nobody asked": Case({"f": b"1\n"}, {"g": b"1\n"}, {"n.py": b"key = '" + CLOUD_KEY + b"'\n"}, None),
    "a file as large as allowed": Case({"f": b"1\n"}, {"g": b"1\n"}, {"large.dat": b"x" * 5_000_000}, None),
}  # fmt: skip


class Corpus:
    """All cases in one repository for each set of detectors: a target for each base and target content, a branch for each case."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._built: dict[tuple[str, ...], Path] = {}
        self._reports: dict[tuple[str, tuple[str, ...]], tuple[Workspace, Report]] = {}

    def ran(self, strategy: str, also: tuple[str, ...]) -> tuple[Workspace, Report]:
        """The report of a run over every case that asks for these detectors, and the repository behind it."""
        if (strategy, also) not in self._reports:
            if also not in self._built:
                self._built[also] = self._build(also)
            copy = shutil.copytree(self._built[also], self._place / f"{len(self._reports)}-{strategy}", symlinks=True)
            work = Workspace(copy)
            targets = [name for name in work.git("branch", "--format=%(refname:short)").split() if "target" in name]
            report = run(work.path, strategy=strategy, targets=targets, detection__detectors=[*DEFAULT, *also])
            self._reports[strategy, also] = work, report
        return self._reports[strategy, also]

    def _build(self, also: tuple[str, ...]) -> Path:
        work = Workspace(self._place / f"corpus-{len(self._built)}")
        targets: dict[str, str] = {}
        for name, case in CASES.items():
            if case.also != also:
                continue
            world = repr((sorted(case.base.items()), sorted(case.target.items())))
            if world not in targets:
                targets[world] = f"target-{len(targets)}"
                work.git("checkout", "-q", "--orphan", targets[world])
                work.git("rm", "-rfq", "--ignore-unmatch", ".")
                work.commit(f"base of {name}", case.base)
                work.commit("on", case.target)
            work.switch(_branch(name), f"{targets[world]}~")
            work.commit(name, case.topic)
        return work.path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_what_is_found_and_what_is_not(corpus: Corpus, name: str, strategy: str) -> None:
    case = CASES[name]
    work, report = corpus.ran(strategy, case.also)
    found = branch(report, _branch(name))
    outcome = found.result.outcome
    assert isinstance(outcome, Aligned | Failed), outcome
    told = [one for one in outcome.findings if one.detector != "conserve" and one.severity != "info"]
    assert [_key(one) for one in told[:1]] == ([case.expected] if case.expected else []), told
    assert (found.verdict is Verdict.FAILED) == case.refused
    assert (work.tip(_branch(name)) == found.step.seen) == case.refused


def _branch(case: str) -> str:
    return f"case-{list(CASES).index(case)}"


def _key(finding: Finding) -> tuple[str, str | None, str | None]:
    return finding.code, finding.path, finding.introduced_by
