"""Packs that are written by us, read by git: every commit, in both kinds of ids, next to a process that runs already."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign.core.commit import commit_id
from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.commit_packs import remove_pack, write_commit_packs
from gitalign.git.merge import _synthetic
from gitalign.git.merge_stream import MadeUpCommits
from gitalign.git.objects import CommitWriter
from tests.git.workspace import Workspace


def commits(tree: str, object_format: str, sizes: list[int]) -> dict[Oid, bytes]:
    """Commits with messages of some lengths."""
    made: dict[Oid, bytes] = {}
    for number, size in enumerate(sizes):
        head = f"tree {tree}\nauthor A <a@x> {number} +0000\ncommitter A <a@x> 1 +0000\n\n"
        data = head.encode() + b"x" * size + b"\n"
        made[commit_id(data, object_format=object_format)] = data
    return made


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_reads_every_commit(tmp_path: Path, object_format: str, level: int) -> None:
    """Lengths on both sides of every limit of the format; git checks the pack, and reads each commit back."""
    work = Workspace(tmp_path, object_format=object_format)
    tree = work.git("mktree", stdin=b"")
    sizes = [0, 1, 15, 16, 1900, 2047, 2048, 5000, 260_000, 300_000, *range(20, 320)]
    made = commits(tree, object_format, sizes)
    (index,) = write_commit_packs(
        tmp_path / ".git" / "objects" / "pack", made, object_format=object_format, level=level
    )
    work.git("verify-pack", str(index))
    asked = "".join(f"{oid}\n" for oid in made).encode()
    told = work.git("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=asked)
    assert told.splitlines() == [f"{oid} commit {len(data)}" for oid, data in made.items()]
    first, data = next(iter(made.items()))
    assert work.git("cat-file", "commit", first).encode() + b"\n" == data


def test_a_pack_that_is_there_stays_as_it_is_and_goes_when_removed(tmp_path: Path) -> None:
    """The same commits again are the same pack: another process may be reading it."""
    made = commits("4" * 40, "sha1", [1, 2, 3])
    (index,) = write_commit_packs(tmp_path, made, object_format="sha1")
    before = index.stat()
    assert write_commit_packs(tmp_path, made, object_format="sha1") == [index]
    assert index.stat().st_mtime_ns == before.st_mtime_ns
    remove_pack(index)
    assert list(tmp_path.iterdir()) == []


def test_commits_that_name_a_base_are_those_of_a_single_merge(tmp_path: Path) -> None:
    """git writes their ids into files that it merges on the way to a conflict: both ways must report the same."""
    writer = CommitWriter(tmp_path, object_format="sha1")
    made_up = MadeUpCommits(tmp_path, writer, object_format="sha1")
    tree, base = Oid("1" * 40), Oid("2" * 40)
    ours, theirs = (made_up.id_of(side, tree, base, {}) for side in (b"ours", b"theirs"))
    alone = [_synthetic(tree, (base,)), _synthetic(tree, (base,), message=b"theirs\n")]
    assert [ours, theirs] == writer.write(alone)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """No half of a pack counts: the index comes last."""
    with pytest.raises(OutOfSpace):
        write_commit_packs(tmp_path / "gone", commits("4" * 40, "sha1", [1]), object_format="sha1")
