"""What a repository holds is shown as text: it cannot drive the terminal, break the layout or the JSON, or end a command."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path

import pytest

from gitalign.core.report import Verdict
from tests import warm
from tests.git.workspace import Workspace
from tests.hostile.test_crafted_objects import tree
from tests.runs import branch, run

SUBJECTS = [
    "\x1b]0;owned\x07 \x1b[2Jgone",
    "[/bold] [red]x[/red] [link=http://example.org]",
    "a\rb\x08\x7f\x9b31m",
    "\u202egnp.exe",
]
FILE = b"[/]\x1b[31m\r\x9bevil\xff"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Every branch conflicts, in a file of a hostile name, at a commit of a hostile subject."""
    work = Workspace(tmp_path / "repo")
    root = commit_of(work, b"base\n", "", "base")
    work.git("update-ref", "refs/heads/main", root)
    for number, subject in enumerate(SUBJECTS):
        work.git("update-ref", f"refs/heads/x{number}", commit_of(work, b"x%d\n" % number, root, subject))
    work.git(
        "update-ref", "--stdin", stdin=b"create refs/heads/red]\xc2\x9b31m\xe2\x80\xae %b\n" % work.tip("x0").encode()
    )
    work.git("update-ref", "refs/heads/main", commit_of(work, b"main\n", root, "main"))
    return work


def commit_of(work: Workspace, content: bytes, parent: str, subject: str) -> str:
    blob = work.git("hash-object", "-w", "--stdin", stdin=content)
    made = tree(work, [(b"100644", FILE, blob)])
    if parent:
        return work.git("commit-tree", "-p", parent, "-m", subject, made)
    return work.git("commit-tree", "-m", subject, made)


VERBS = [
    ["plan", "-v"],
    ["run", "--yes", "-v"],
    ["show", "last", "-v"],
    ["show", "last", "x0"],
    ["show", "last", "x1"],
    ["show", "last", "x2"],
    ["runs"],
    [],
    ["doctor"],
    ["undo", "last", "--dry-run"],
]


def is_harmless(text: str, *, may_colour: bool) -> bool:
    """No control character but line ends, and on a terminal the colours and cursor moves that Rich makes itself."""
    if may_colour:
        for owned in ("\x1b]0;owned", "\x1b[2J", "\x1b[31m\r", "\x9b"):
            if owned in text:
                return False
        return "\u202e" not in text and "\x08" not in text
    return not any(
        (ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 or char == "\u202e" for char in text
    )


def test_nothing_drives_the_terminal(work: Workspace) -> None:
    """Edge case 41."""
    for words in VERBS:
        done = warm.run(*words, *(["--repo", work.path] if words else []), cwd=work.path)
        out, err = done.stdout, done.stderr
        nothing_left = words[:1] == ["undo"] and "git align runs" in err
        assert done.returncode in (0, 1) or nothing_left, f"{words}: {done.returncode} {err[-2000:]}"
        assert is_harmless(out, may_colour=False), f"{words}: {out!r}"
        assert is_harmless(err, may_colour=False), f"{words}: {err!r}"


def test_nothing_drives_a_real_terminal(work: Workspace) -> None:
    """Edge case 41."""
    for words in (["plan", "-v"], ["run", "--yes", "-v"], ["show", "last", "x0"]):
        ours, theirs = pty.openpty()
        child = warm.start(
            *words,
            "--repo",
            work.path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"TERM": "xterm-256color", "COLUMNS": "200"},
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        os.close(ours)
        assert child.wait() in (0, 1)
        assert is_harmless(seen.decode("utf-8", "replace"), may_colour=True), f"{words}: {seen!r}"


def test_json_stays_json(work: Workspace) -> None:
    """Edge case 17."""
    for words in (["plan"], ["run", "--yes"], ["show", "last"], ["runs"]):
        done = warm.run(*words, "--json", "--repo", work.path)
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout.isascii()
        assert json.loads(done.stdout)


@pytest.mark.parametrize(
    "encoding",
    [
        "undefined",
        "idna",
        "x\0y",
        "punycode",
        "utf-7",
        "UTF-16",
        "",
        "base64",
        "no such",
        "unicode_escape",
        "\u00e9",
    ],
)
def test_any_declared_encoding_is_survived(tmp_path: Path, encoding: str) -> None:
    """Edge case 17."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n2\n3\n"})
    work.switch("x", "main")
    work.commit("x", {"list": b"1\n2\nx\n"})
    work.switch("dropped", "main")
    work.commit("dropped", {"list": b"1\n2\nmain\n"})
    work.switch("main")
    work.commit("main", {"list": b"1\n2\nmain\n", "more": b"m\n"})
    for name in ("x", "dropped"):
        body = work.git("cat-file", "commit", name).encode()
        head, _, _ = body.partition(b"\n\n")
        crafted = head + b"\nencoding " + encoding.encode() + b"\n\n\xff\xfe\\x \x80-subject\n"
        work.git(
            "update-ref",
            f"refs/heads/{name}",
            work.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=crafted),
        )
    report = run(work.path, already_merged="fast-forward")
    assert branch(report, "x").verdict is Verdict.CONFLICTED
    assert branch(report, "dropped").verdict is Verdict.ALIGNED
