"""Packs of loose objects: git agrees with every one of them, and what cannot be packed here is packed by git."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git import loose_pack
from gitalign.git.loose_pack import LooseObjects, NotPackable
from gitalign.git.objects import CommitWriter
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.git.result_packs import ResultPacks
from tests.git.workspace import Workspace

FILES = {
    "short": b"x\n",
    "long": b"a line\n" * 1000,
    "empty": b"",
    "a folder/of/another\xff": bytes(range(256)) * 40,
}


@pytest.fixture(params=["sha1", "sha256"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo", object_format=request.param)
    work.commit("base", {"base": b"1\n"})
    return work


@pytest.fixture
def held(work: Workspace) -> Iterator[Quarantine]:
    quarantine = Quarantine(open_repository(work.path), "20260101-000000-000000", memory=None)
    yield quarantine
    quarantine.remove()


def made_in(quarantine: Quarantine, work: Workspace, *, files: dict[str, bytes] = FILES) -> Oid:
    """A commit of files, a submodule and what the target has, in the quarantine alone."""

    def written(*words: str, stdin: bytes) -> str:
        return quarantine.git.run(*words, stdin=stdin).stdout.decode().strip()

    base = work.tip("main")
    entries = work.git("ls-tree", base).encode() + b"\n160000 commit " + b"7" * len(base) + b"\tsub\n"
    below: dict[str, bytes] = {}
    for path, content in files.items():
        blob = written("hash-object", "-w", "--stdin", stdin=content)
        folder, _, name = path.rpartition("/")
        line = b"100644 blob %b\t%b\n" % (blob.encode(), name.encode("utf-8", "surrogateescape"))
        below[folder] = below.get(folder, b"") + line
    for folder in sorted(set(below) - {""}):
        tree = written("mktree", stdin=below[folder])
        entries += f"040000 tree {tree}\t{folder.replace('/', '-')}\n".encode()
    tree = written("mktree", "--missing", stdin=entries + below.get("", b""))
    who = b"A <a@b> 1 +0000"
    commit = new_commit(tree=tree, parents=(base,), author=who, committer=who, message=b"made\n")
    (made,) = CommitWriter(quarantine.objects, object_format=quarantine.repository.object_format).write([commit])
    return made


def test_git_finds_in_the_packs_what_it_would_pack(
    work: Workspace, held: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = made_in(held, work), made_in(held, work, files={"other": b"2\n"})
    unwanted = made_in(held, work, files={"unwanted": b"3\n"})
    target = Oid(work.tip("main"))
    names = "".join(f"{oid}\n" for oid in (first, second, f"^{target}")).encode()
    listed = held.git.run("rev-list", "--objects", "--no-object-names", "--stdin", stdin=names).stdout.decode().split()
    monkeypatch.setattr(loose_pack, "_PACK_BYTES", 0)
    assert held.packs.pack([first, second], [target])
    packs = sorted((held.path / "results" / "pack").glob("*.idx"))
    assert len(packs) > 1, "a bound on what is held in memory"
    there = [line.split()[1] for pack in packs for line in work.git("show-index", stdin=pack.read_bytes()).splitlines()]
    assert sorted(there) == sorted(set(there) & set(listed)) == sorted(set(listed))
    assert held.packs.store([first, second], [target])
    work.git("update-ref", "refs/heads/first", first)
    work.git("update-ref", "refs/heads/second", second)
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")
    assert work.git("cat-file", "-t", unwanted, check=False) == ""
    assert work.git("cat-file", "blob", f"{first}:long").splitlines() == ["a line"] * 1000


@pytest.mark.parametrize("what", ["too long", "cut off", "of another kind"])
def test_what_cannot_be_packed_here_is_left_to_git(
    work: Workspace, held: Quarantine, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    commit = made_in(held, work)
    target = Oid(work.tip("main"))
    blob = held.git.run("rev-parse", f"{commit}:long").stdout.decode().strip()
    place = held.objects / blob[:2] / blob[2:]
    if what == "too long":
        monkeypatch.setattr(loose_pack, "_LARGEST_BYTES", 5_000)
    else:
        whole = zlib.decompress(place.read_bytes())
        place.chmod(0o644)
        place.write_bytes(place.read_bytes()[:-8] if what == "cut off" else zlib.compress(b"note" + whole[4:]))
    with (
        LooseObjects(held.objects, object_format=held.repository.object_format) as loose,
        pytest.raises(NotPackable),
    ):
        list(loose.behind([commit]))
    by_git: list[object] = []
    stored = ResultPacks._stored

    def noted(*said: Any) -> tuple[str, ...]:
        by_git.append(said)
        return stored(*said)

    monkeypatch.setattr(ResultPacks, "_stored", noted)
    assert held.packs.pack([commit], [target]) is (what == "too long"), "git does not pack what is broken either"
    assert by_git


def test_a_pack_that_is_not_whole_is_no_pack(work: Workspace, held: Quarantine) -> None:
    """An object of a result that is nowhere, and was not noticed by those who read others."""
    commit = made_in(held, work)
    blob = held.git.run("rev-parse", f"{commit}:short").stdout.decode().strip()
    (held.objects / blob[:2] / blob[2:]).unlink()
    assert not held.packs.pack([commit], [Oid(work.tip("main"))])


def test_results_that_were_moved_into_packs_meanwhile_are_found(
    work: Workspace, held: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory was full while branches were merged: some results are packed already, some are loose."""
    first = made_in(held, work)
    held._flush(held.objects.resolve())
    assert not list(held.objects.glob("??/*"))
    monkeypatch.setattr(ResultPacks, "_stored", None)  # git is not needed for it
    second = made_in(held, work, files={"other": b"2\n"})
    target = Oid(work.tip("main"))
    assert held.packs.pack([first, second], [target])
    assert held.packs.store([first, second], [target])
    for name, oid in (("first", first), ("second", second)):
        work.git("update-ref", f"refs/heads/{name}", oid)
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_nothing_is_removed_that_git_did_not_find_in_a_pack(work: Workspace, held: Quarantine) -> None:
    """A file that holds another object than its name says is packed under the id that git computes."""
    commit = made_in(held, work)
    blob = held.git.run("rev-parse", f"{commit}:short").stdout.decode().strip()
    place = held.objects / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"blob 6\0other\n"))
    with pytest.raises(GitError, match=blob):
        held._flush(held.objects.resolve())
    assert [f"{one.parent.name}{one.name}" for one in held.objects.glob("??/*")] == [blob]
