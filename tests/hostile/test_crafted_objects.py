"""Objects no git command makes, but a push can bring: trees that point outside, names that are no names, huge messages."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from gitalign.core.report import Verdict
from gitalign.errors import GitAlignError
from tests.git.workspace import Workspace
from tests.runs import branch, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "far" / "down" / "repo")
    work.commit("base", {"list": LINES})
    work.switch("x", "main")
    work.commit("x", {"own": b"1\n", "list": LINES.replace(b"line 20\n", b"twenty\n")})
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    return work


def tree(work: Workspace, entries: list[tuple[bytes, bytes, str]]) -> str:
    """A tree of any entries at all: (mode, name, id)."""
    body = b"".join(b"%b %b\0" % (mode, name) + bytes.fromhex(oid) for mode, name, oid in entries)
    return work.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=body)


def commit(work: Workspace, tree_id: str, parent: str) -> str:
    return work.git("commit-tree", "-p", parent, "-m", "crafted", tree_id)


def files_outside(place: Path) -> dict[str, bytes]:
    """Every file at and above a repository that is not in its git directory."""
    found = {}
    for folder, names, files in os.walk(place):
        names[:] = [name for name in names if name != ".git"]
        found.update({os.path.join(folder, name): (Path(folder) / name).read_bytes() for name in files})
    return found


@pytest.mark.parametrize(
    ("name", "up"),
    [
        (b"..", 0),
        (b"..", 2),
        (b"..", 4),
        (b"..", 5),
        (b".git", 0),
        (b".git", 1),
    ],
)
def test_attribute_files_of_a_crafted_tree_are_written_nowhere_else(work: Workspace, name: bytes, up: int) -> None:
    """Edge cases 12, 41: a target whose tree climbs out of itself overwrites nothing."""
    blob = work.git("hash-object", "-w", "--stdin", stdin=b"* filter=evil\n")
    inner = tree(work, [(b"100644", b".gitattributes", blob)])
    for _ in range(up):
        inner = tree(work, [(b"40000", name, inner)])
    listed = work.git("ls-tree", "main").splitlines()
    entries = [(line.split()[0].encode(), line.split("\t")[1].encode(), line.split()[2]) for line in listed]
    top = tree(work, [(b"40000", name, inner), *entries])
    work.git("update-ref", "refs/heads/main", commit(work, top, work.tip("main")))
    place = work.path.parent.parent.parent
    before = files_outside(place)
    config = (work.path / ".git" / "config").read_bytes()
    with contextlib.suppress(GitAlignError):
        run(work.path)
    assert files_outside(place) == before
    assert (work.path / ".git" / "config").read_bytes() == config
    assert not list((work.path / ".git").rglob(".gitattributes"))


def test_a_tree_that_climbs_out_moves_no_work_tree(work: Workspace, tmp_path: Path) -> None:
    """Edge case 41: git refuses to check such a tree out; its branch is held back with its work tree untouched."""
    place = tmp_path / "far" / "wt"
    work.git("worktree", "add", "-q", str(place), "x")
    blob = work.git("hash-object", "-w", "--stdin", stdin=b"escaped\n")
    bad = tree(work, [(b"100644", b"escaped", blob)])
    entries = [
        (line.split()[0].encode(), line.split("\t")[1].encode(), line.split()[2])
        for line in work.git("ls-tree", "main").splitlines()
    ]
    work.git(
        "update-ref", "refs/heads/main", commit(work, tree(work, [(b"40000", b"..", bad), *entries]), work.tip("main"))
    )
    x = work.tip("x")
    with contextlib.suppress(GitAlignError):
        assert branch(run(work.path), "x").verdict is not Verdict.ALIGNED
    assert work.tip("x") == x
    assert not (place.parent / "escaped").exists()
    assert work.git("-C", str(place), "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "paths",
    [
        (b"Readme", b"README"),
        ("gro\u0308\u00dfe".encode(), "gr\u00f6\u00dfe".encode()),
        (b"trailing.", b"trailing "),
        (b"git~1", b".gitmodules2"),
        (b"caf\xe9", b"\xff\xfe"),
        (b"with\nnewline", b'with"quote\\'),
        (b"-dash", b":(top)magic"),
        (b"CON", b"aux.txt"),
    ],
)
def test_odd_paths_are_merged_like_any_other(work: Workspace, paths: tuple[bytes, bytes]) -> None:
    """Edge case 12."""
    for name, old in (("x", paths[0]), ("main", paths[1])):
        entries = [
            (line.split(b" ")[0], line.split(b"\t", 1)[1], line.split(b" ")[2].split(b"\t")[0].decode())
            for line in work.git("ls-tree", "-z", name).encode("utf-8", "surrogateescape").split(b"\0")
            if line
        ]
        blob = work.git("hash-object", "-w", "--stdin", stdin=name.encode())
        changed = sorted([*entries, (b"100644", old, blob)], key=lambda entry: entry[1])
        work.git("update-ref", f"refs/heads/{name}", commit(work, tree(work, changed), work.tip(name)))
    report = run(work.path)
    assert branch(report, "x").verdict is Verdict.ALIGNED
    listed = work.git("ls-tree", "-z", "--name-only", "x").encode("utf-8", "surrogateescape").split(b"\0")
    assert set(paths) <= set(listed)


def test_a_message_of_a_megabyte_and_a_thousand_headers_survive(work: Workspace) -> None:
    """Edge case 21."""
    message = b"# big\n\n" + b"0123456789abcdef\n" * 65_536
    headers = b"".join(b"x-header-%d value\n and more\n" % number for number in range(1000))
    body = b"tree %b\nparent %b\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n%b\n%b" % (
        work.tip("x^{tree}").encode(),
        work.tip("x").encode(),
        headers,
        message,
    )
    oid = work.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=body)
    work.git("update-ref", "refs/heads/x", oid)
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    now = work.git("cat-file", "commit", "x").encode()
    assert headers + b"\n" + message.removesuffix(b"\n") in now
    assert work.tip("x") != oid


@pytest.mark.parametrize(
    "author",
    [
        b"A <a@b> 99999999999999 +0000",
        b"A <a@b> 1 +9999",
        b"A <a@b> -1 +0000",
        b"<> 0 +0000",
        b"A a@b 1 +0000",
        b"A <a@b>",
        b"A <a> b> 1 -0000",
    ],
)
def test_authors_git_would_not_write_are_kept_byte_for_byte(work: Workspace, author: bytes) -> None:
    """Edge case 16."""
    body = b"tree %b\nparent %b\nauthor %b\ncommitter A <a@b> 1 +0000\n\nodd author\n" % (
        work.tip("x^{tree}").encode(),
        work.tip("x").encode(),
        author,
    )
    oid = work.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=body)
    work.git("update-ref", "refs/heads/x", oid)
    report = run(work.path)
    found = branch(report, "x")
    if found.verdict is Verdict.ALIGNED:
        assert f"\nauthor {author.decode()}\n" in work.git("cat-file", "commit", "x")
    else:
        assert found.verdict in (Verdict.REFUSED, Verdict.FAILED)
        assert found.detail
        assert work.tip("x") == oid
