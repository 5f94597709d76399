"""For every checker a branch that breaks the rule, and its clean twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.rules import Band, Verdict
from tests.rules.house import Files, branch_with, check, pack_of, result, told

OLD = b"import os\n\n\ndef old(x):\n    try:\n        return eval(x)\n    except:\n        return os.system(x)\n"
FORBIDDEN = {"pattern": {"forbidden": r"\bprint\("}}


@dataclass(frozen=True)
class Case:
    """A check, a branch, and where something must be found; nothing in a twin."""

    check: Mapping[str, Any]
    topic: Files
    spots: list[tuple[str | None, int | None]]
    base: Files = field(default_factory=dict)
    messages: tuple[str, ...] = ("feat: topic",)
    more: Mapping[str, Any] = field(default_factory=dict)


def python(look: str, code: str, *lines: int, base: str | None = None) -> Case:
    return Case(
        {"python": look},
        {"m.py": code.encode()},
        [("m.py", line) for line in lines],
        base={} if base is None else {"m.py": base.encode()},
    )


CASES = {
    "a path where nothing may be changed": Case(
        {"path": {"forbidden": ["vendor/**", "*.exe"]}}, {"vendor/deep/a": b"1\n", "a.exe": b"2\n"}, [("a.exe", None), ("vendor/deep/a", None)]
    ),
    "paths beside it": Case({"path": {"forbidden": ["vendor/**", "*.exe"]}}, {"vendored/a": b"1\n", "exe": b"2\n"}, []),
    "a forbidden path may be emptied": Case({"path": {"forbidden": ["vendor/**"]}}, {"vendor/a": None, "b": b"1\n"}, [], {"vendor/a": b"1\n"}),
    "outside of what is allowed": Case({"path": {"allowed": ["src/**"]}}, {"docs/a": b"1\n", "src/b": b"1\n"}, [("docs/a", None)]),
    "inside of what is allowed": Case({"path": {"allowed": ["src/**"]}}, {"src/x/y/a": b"1\n", "src/b": b"1\n"}, []),
    "a large file": Case({"size": {"most_file_bytes": 10}}, {"f": b"x" * 11}, [("f", None)]),
    "a file of just that size": Case({"size": {"most_file_bytes": 10}}, {"f": b"x" * 10}, []),
    "a large file of old": Case({"size": {"most_file_bytes": 10}}, {"g": b"1\n"}, [], {"f": b"x" * 11}),
    "many files": Case({"size": {"most_files": 1}}, {"f": b"1\n", "g": b"1\n"}, [(None, None)]),
    "as many as may be": Case({"size": {"most_files": 2}}, {"f": b"1\n", "g": b"1\n"}, []),
    "many lines": Case({"size": {"most_lines": 3}}, {"f": b"1\n2\n3\n4\n"}, [(None, None)]),
    "few new lines in a long file": Case({"size": {"most_lines": 3}}, {"f": b"1\n2\n3\n4\n5\n"}, [], {"f": b"1\n2\n3\n4\n"}),
    "a subject of another form": Case({"commit_message": {"subject": r"^[a-z]+: "}}, {}, [(None, None)], messages=("Fixed it",)),
    "a subject of that form": Case({"commit_message": {"subject": r"^[a-z]+: "}}, {}, [], messages=("core: fix it",)),
    "a long subject": Case({"commit_message": {"most_subject_characters": 5}}, {}, [(None, None)], messages=("123456",)),
    "a subject that is short enough": Case({"commit_message": {"most_subject_characters": 5}}, {}, [], messages=("12345\n\nbody that is longer",)),
    "no trailer": Case({"commit_message": {"trailer": "Signed-off-by"}}, {}, [(None, None)], messages=("a\n\nSigned-off-by: A\n\nnot last",)),
    "a trailer": Case({"commit_message": {"trailer": "signed-off-by"}}, {}, [], messages=("a\n\nSigned-off-by: A <a@example.org>",)),
    "a type nobody knows": Case({"commit_message": {"conventional_types": ["feat", "fix"]}}, {}, [(None, None)], messages=("feat: a", "feet: b")),
    "types that are known": Case({"commit_message": {"conventional_types": ["feat", "fix"]}}, {}, [], messages=("feat(x): a", "fix!: b")),
    "a file that is missing": Case({"required_files": {"files": ["LICENSE*", "docs/*.md"]}}, {"LICENSE.txt": b"1\n"}, [("docs/*.md", None)]),
    "files that are there": Case({"required_files": {"files": ["LICENSE*", "docs/*.md"]}}, {"LICENSE.txt": b"1\n"}, [], {"docs/a.md": b"1\n"}),
    "a file that the branch takes away": Case({"required_files": {"files": ["README"]}}, {"README": None}, [("README", None)], {"README": b"1\n"}),
    "a file that is empty": Case({"required_files": {"files": ["a"]}}, {"a": b""}, [("a", None)]),
    "a file that may be empty": Case({"required_files": {"files": ["a"], "may_be_empty": True}}, {"a": b""}, []),
    "a forbidden pattern in a new line": Case(FORBIDDEN, {"m.py": b"x = 1\nprint(x)\n"}, [("m.py", 2)], {"m.py": b"x = 1\n"}),
    "a forbidden pattern in an old line": Case(FORBIDDEN, {"m.py": b"print(x)\nx = 1\n"}, [], {"m.py": b"print(x)\n"}),
    "an old line in a file that was moved": Case(FORBIDDEN, {"m.py": None, "n.py": b"print(x)\n" + b"y\n" * 9}, [], {"m.py": b"print(x)\n" + b"y\n" * 8}),
    "an old line with other line ends": Case(FORBIDDEN, {"m.py": b"print(x)\r\nx = 1\r\n"}, [], {"m.py": b"print(x)\n"}),
    "a required pattern that is missing": Case({"pattern": {"required": "^# SPDX"}}, {"m.py": b"x\n"}, [("m.py", None)]),
    "a required pattern": Case({"pattern": {"required": "^# SPDX"}}, {"m.py": b"\n# SPDX x\n"}, []),
    "a pattern in another case": Case({"pattern": {"forbidden": "todo", "ignore_case": True}}, {"m": b"TODO\n"}, [("m", 1)]),
    "a pattern in an excluded file": Case(FORBIDDEN, {"tests/m.py": b"print(x)\n", "a": b"1\n"}, [], more={"exclude": ["tests/**"]}),
    "code that is forbidden": Case(
        {"ast_pattern": {"language": "python", "forbidden": "os.system($A)"}}, {"m.py": b"import os\nos.system(\n  'x'\n)\n"}, [("m.py", 2)]
    ),
    "code that only looks like it": Case(
        {"ast_pattern": {"language": "python", "forbidden": "os.system($A)"}}, {"m.py": b"# os.system('x')\ny = 'os.system(1)'\n"}, []
    ),
    "forbidden code of old": Case(
        {"ast_pattern": {"language": "javascript", "forbidden": "console.log($$$A)"}}, {"m.js": b"console.log(1)\nlet a = 1;\n"}, [], {"m.js": b"console.log(1)\n"}
    ),
    "required code that is missing": Case(
        {"ast_pattern": {"language": "python", "required": "from __future__ import annotations"}}, {"m.py": b"# from __future__ import annotations\n"}, [("m.py", None)]
    ),
    "required code": Case(
        {"ast_pattern": {"language": "python", "required": "from __future__ import annotations"}}, {"m.py": b"from __future__ import annotations\n"}, []
    ),
    "a bare except": python("bare_except", "try:\n    f()\nexcept:\n    g()\n", 3),
    "an except with a name": python("bare_except", "try:\n    f()\nexcept OSError:\n    g()\n"),
    "a bare except of old": python("bare_except", OLD.decode() + "x = 1\n", base=OLD.decode()),
    "an except that does nothing": python("empty_except", "try:\n    f()\nexcept OSError:\n    pass\n", 3),
    "an except that logs": python("empty_except", "try:\n    f()\nexcept OSError:\n    log()\n"),
    "an except whose log was taken out": python(
        "empty_except", "try:\n    f()\nexcept OSError:\n    pass\n", 3, base="try:\n    f()\nexcept OSError:\n    log()\n    pass\n"
    ),
    "a function without a return type": python("return_annotations", "def f(x):\n    return x\n\nclass A:\n    async def g(self): ...\n", 1, 5),
    "functions with one": python("return_annotations", "def f(x) -> int:\n    return x\n\nclass A:\n    def __init__(self): ...\n"),
    "a function of old without one": python("return_annotations", "def f(x):\n    return 2\n\ndef g() -> None: ...\n", base="def f(x):\n    return 1\n"),
    "what lacks a docstring": python("docstrings", "'''m'''\ndef f():\n    return 1\n\nclass A:\n    def g(self): ...\n", 2, 5, 6),
    "what has one, or needs none": python(
        "docstrings", "'''m'''\ndef f():\n    '''d'''\n    def inner(): ...\n\nclass _A:\n    def g(self): ...\n\nclass B:\n    '''d'''\n    def __len__(self): ...\n"
    ),
    "a docstring that was taken out": python("docstrings", "'''m'''\ndef f():\n    return 1\n", 2, base="'''m'''\ndef f():\n    '''d'''\n    return 1\n"),
    "dangerous calls": python(
        "dangerous_calls",
        "import os as o, subprocess\nfrom os import popen as p\neval(a)\no.system(a)\np(a)\nsubprocess.run(\n    a,\n    shell=True)\n",
        3, 4, 5, 6,
    ),
    "dangerous calls by way of a star": python(
        "dangerous_calls", "from subprocess import *\nfrom os import *\nrun(a, shell=True)\nsystem(a)\nrun([a])\n", 3, 4
    ),
    "an eval of one's own": python("dangerous_calls", "from .safe import eval\neval(a)\ndef exec(): ...\nexec()\n"),
    "calls that only look dangerous": python(
        "dangerous_calls", "import subprocess\nmodel.eval()\nsubprocess.run([a], shell=False)\nx = 'eval(a)'\n# exec(a)\nself.os.system(a)\n"
    ),
    "a shell that is turned on": python(
        "dangerous_calls", "import subprocess\nsubprocess.run(\n    a,\n    shell=True,\n)\n", 2, base="import subprocess\nsubprocess.run(\n    a,\n)\n"
    ),
    "secrets in the code": python(
        "hard_coded_secrets",
        "password = 'correct-horse'\nf(api_key='k123456789')\nd = {'token': 'abcdef123'}\ndef g(secret='hunter22!'): ...\nx = 'AKIAIOSFODNN7EXAMPLE'\n",
        1, 2, 3, 4, 5,
    ),
    "secrets in the code by every way in": python(
        "hard_coded_secrets",
        "user, password = 'bob', 'hunter22xyz'\nf(os.environ.get('PASSWORD', 'hunter22xyz'))\ntoken = 'abcdef123' if a else ''\n"
        "dbPassword = 'hunter22xyz'\nDB_PASS = 'hunter22xyz'\nsecret = get() or 'hunter22xyz'\npassword = 'testHunter2RealOne'\n",
        1, 2, 3, 4, 5, 6, 7,
    ),
    "dangerous calls under names that mean more than one thing": python(
        "dangerous_calls",
        "def f():\n    from os import system as run\n    run(a)\ndef g():\n    from x import y as run\ndef h():\n    import json as os\n"
        "def i():\n    import os\n    os.system(a)\n",
        3, 10,
    ),
    "names of secrets without any": python(
        "hard_coded_secrets", "import os\npassword = os.environ['PASSWORD']\ntoken = ''\nsecret = 'changeme'\nmax_tokens = 'abcdef123'\naccess_token = 'access-token'\nkey = 'name'\napi_key = '<your key>'\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case(case: Case, tmp_path: Path) -> None:
    work = branch_with(tmp_path, case.base, case.topic, *case.messages)
    found = check(work, pack_of(case.check, **case.more))
    one = result(found)
    assert list(told(one)) == case.spots
    if case.spots:
        assert (one.verdict, one.is_compliant) == (Verdict.FAILED, False)
        assert found.critical == (one,)
        assert found.band in (Band.NON_COMPLIANT, Band.PARTIALLY_COMPLIANT)
    else:
        assert one.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)
        assert one.verdict is Verdict.PASSED or one.score is None


def test_the_share_in_order_is_held_against_the_threshold(tmp_path: Path) -> None:
    code = b"'''m'''\n" + b"".join(b"def f%d():\n    '''d'''\n" % number for number in range(8)) + b"def g(): ...\n"
    work = branch_with(tmp_path, {}, {"m.py": code})
    assert result(check(work, pack_of({"python": "docstrings"}, threshold=0.9))).verdict is Verdict.PASSED
    strict = result(check(work, pack_of({"python": "docstrings"}, threshold=0.91)))
    assert (strict.verdict, strict.score, strict.details) == (Verdict.FAILED, 0.9, "9 of 10 definitions in order")


def test_only_own_commits_are_judged(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a": b"1\n"}, "feat: topic")
    work.switch("topic")
    work.git("merge", "-q", "main", "-m", "Merge main")
    found = check(work, pack_of({"commit_message": {"conventional_types": ["feat"]}}, {"size": {"most_files": 1}}))
    assert [one.verdict for one in found.results] == [Verdict.PASSED, Verdict.PASSED]


def test_a_branch_without_commits_of_its_own_is_no_success(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a": b"1\n"})
    work.git("branch", "bare", "main~1")
    found = check(work, pack_of({"required_files": {"files": ["nowhere"]}}), "bare")
    assert (found.band, found.score, found.results) == (Band.NOT_APPLICABLE, None, ())


def test_a_target_of_ones_own(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a": b"1\n"})
    work.switch("more", "topic")
    work.commit("more", {"b": b"1\n"})
    pack = pack_of({"path": {"forbidden": ["a"]}})
    assert result(check(work, pack, "more")).verdict is Verdict.FAILED
    assert result(check(work, pack, "more", target="topic")).verdict is Verdict.PASSED
