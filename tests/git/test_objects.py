"""Commits are read and written whole, through processes that are replaced when they end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gitalign.core.commit import new_commit, rewritten, serialise
from gitalign.core.names import Oid
from gitalign.errors import MissingObject, OutOfSpace
from gitalign.git.objects import CommitReader, CommitWriter, FileReader
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.git.tree_comparer import TreeComparer
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "re\npo 'with' \"odd\" name")
    work.commit("base", {"a": b"a\n"})
    return work


@pytest.fixture
def quarantine(work: Workspace) -> Iterator[Quarantine]:
    quarantine = Quarantine(open_repository(work.path), "test")
    yield quarantine
    quarantine.remove()


def test_read_and_write_back_give_the_same_id(work: Workspace, quarantine: Quarantine) -> None:
    reader = CommitReader(quarantine.git, timeout_s=20)
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    tip = Oid(work.tip("main"))
    (commit,) = reader.read([tip])
    assert writer.write([commit]) == [tip]
    reader.close()


def test_odd_author_lines_are_kept_though_git_would_refuse_them(work: Workspace, quarantine: Quarantine) -> None:
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    odd = new_commit(
        tree=work.tip("main^{tree}"),
        parents=(),
        author=b"No Mail <broken 1 +0000",
        committer=b"C <c@d> 1 +0000",
        message=b"#\n",
    )
    (oid,) = writer.write([odd])
    reader = CommitReader(quarantine.git, timeout_s=20)
    assert reader.read([oid]) == [odd]
    reader.close()


def test_a_megabyte_of_message_survives(work: Workspace, quarantine: Quarantine) -> None:
    """Edge case 21."""
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    long = new_commit(
        tree=work.tip("main^{tree}"),
        parents=(),
        author=b"A <a@b> 1 +0000",
        committer=b"C <c@d> 1 +0000",
        message=b"x" * 1_000_000,
    )
    (oid,) = writer.write([long])
    reader = CommitReader(quarantine.git, timeout_s=20)
    assert reader.read([oid])[0].message == b"x" * 1_000_000
    reader.close()


def test_a_missing_commit_is_named_and_the_reader_goes_on(work: Workspace, quarantine: Quarantine) -> None:
    reader = CommitReader(quarantine.git, timeout_s=20)
    with pytest.raises(MissingObject, match="1234567890" * 4):
        reader.read([Oid("1234567890" * 4), Oid(work.tip("main"))])
    assert reader.read([Oid(work.tip("main"))])[0].subject == "base"
    reader.close()


def test_a_blob_is_not_taken_for_a_commit(work: Workspace, quarantine: Quarantine) -> None:
    reader = CommitReader(quarantine.git, timeout_s=20)
    with pytest.raises(MissingObject, match="blob"):
        reader.read([Oid(work.tip("main:a"))])
    reader.close()


def test_files_are_read_by_id_and_by_path(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "files")
    work.commit("base", {"a": b"a\n", "d/b c 12": b"", "long": b"x" * 1001, "missing 7": b"\n\n"})
    quarantine = Quarantine(open_repository(work.path), "test")
    reader = FileReader(quarantine.git, timeout_s=20)
    tree = work.tip("main^{tree}").encode()
    asked = {
        work.tip("main:a").encode(): b"a\n",
        tree + b":d/b c 12": b"",
        tree + b":long": None,
        tree + b":missing 7": b"\n\n",
        tree + b":not blob 3": None,
        tree + b":d": None,
        tree + b":a\nb": None,
        b"12" * 20: None,
        tree + b":a": b"a\n",
    }
    assert reader.read(list(asked), most_bytes=1000) == list(asked.values())
    reader.close()
    assert reader.read([tree + b":long"], most_bytes=1001) == [b"x" * 1001]
    reader.close()
    quarantine.remove()


def test_many_trees_are_compared_as_one_by_one(work: Workspace) -> None:
    """Paths that look like the end of an answer; more than one buffer holds; a pair that cannot be read is left out."""
    many = {f"folder/{number:05d}{'x' * 60}": b"%d\n" % number for number in range(1500)}
    trees = []
    for files in ({"a": b"1\n"}, {"-\n-\n": b"1\n", ":100 a": b"1\n"}, {"a": None, "b\n": b"2\n"}, many, {"a": b"3\n"}):
        work.commit("next", files)
        trees.append(Oid(work.tip("HEAD^{tree}")))
    pairs = list(pairwise(trees))
    one_by_one, together = (TreeComparer(open_repository(work.path).git, timeout_s=20) for _ in range(2))
    try:
        found = together.compare_many([*pairs, (trees[0], Oid("1" * 40)), *pairs[:1]])
        assert found == {pair: one_by_one.compare(*pair) for pair in pairs}
        assert [change.path for change in found[pairs[0]]] == [b"-\n-\n", b":100 a"]
        assert len(found[pairs[2]]) == 1500
        with pytest.raises(MissingObject):
            together.compare(trees[0], Oid("1" * 40))
        assert together.compare(trees[0], trees[0]) == ()
        assert together.compare(*pairs[1]) == found[pairs[1]]
    finally:
        one_by_one.close()
        together.close()


def test_a_vanished_store_is_a_disk_error(work: Workspace, quarantine: Quarantine) -> None:
    """Edge case 36."""
    writer = CommitWriter(quarantine.path / "gone", object_format="sha1")
    with pytest.raises(OutOfSpace, match="gone"):
        writer.write(
            [
                new_commit(
                    tree=work.tip("main^{tree}"),
                    parents=(),
                    author=b"A <a@b> 1 +0000",
                    committer=b"C <c@d> 1 +0000",
                    message=b"",
                )
            ]
        )


def test_objects_stay_in_quarantine_until_they_are_stored(work: Workspace, quarantine: Quarantine) -> None:
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    tip = Oid(work.tip("main"))
    reader = CommitReader(quarantine.git, timeout_s=20)
    (commit,) = reader.read([tip])
    made = rewritten(commit, tree=commit.tree, parents=(tip,), committer=None)
    waste = new_commit(
        tree=commit.tree, parents=(), author=b"A <a@b> 1 +0000", committer=b"C <c@d> 1 +0000", message=serialise(commit)
    )
    new, junk = writer.write([made, waste])
    assert work.git("cat-file", "-t", new, check=False) == ""
    (keep,) = quarantine.packs.store([new], [tip])
    assert keep.read_text().startswith("git-align test")
    assert work.git("cat-file", "-t", new) == "commit"
    assert work.git("cat-file", "-t", junk, check=False) == ""
    work.git("gc", "-q", "--prune=now")
    assert work.git("cat-file", "-t", new) == "commit"
    reader.close()


def test_storing_nothing_makes_no_pack(work: Workspace, quarantine: Quarantine) -> None:
    """Edge case 3."""
    tip = Oid(work.tip("main"))
    assert quarantine.packs.store([], [tip]) == ()
    assert quarantine.packs.store([tip], [tip]) == ()
    assert not list((work.path / ".git" / "objects" / "pack").glob("*"))


def test_quarantine_leaves_nothing_behind(work: Workspace) -> None:
    quarantine = Quarantine(open_repository(work.path), "short")
    quarantine.remove()
    assert not (work.path / ".git" / "gitalign" / "quarantine").exists()
