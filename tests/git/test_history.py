"""The graph, changed paths and patch ids as read from real repositories, whole and damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitalign.core.names import Oid
from gitalign.errors import GitError, GitMissing, GitTimedOut
from gitalign.git import history
from gitalign.git.diffs import patch_ids, raw_changes
from gitalign.git.history import load_graph, shallow_boundary
from gitalign.git.repository import Repository, open_repository
from tests.git.workspace import Workspace
from tests.histories import git


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "repository")


def _lose(space: Workspace, oid: str) -> None:
    (space.path / ".git/objects" / oid[:2] / oid[2:]).unlink()


def _opened(space: Workspace) -> Repository:
    return open_repository(space.path)


def _stub(folder: Path, script: str) -> str:
    place = folder / "git"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return str(place)


def _with_git(space: Workspace, executable: str) -> Repository:
    opened = _opened(space)
    return replace(opened, git=replace(opened.git, executable=executable))


def test_the_graph_holds_what_the_tips_reach(space: Workspace) -> None:
    first = space.commit("1", {"a": b"1"})
    second = space.commit("2", {"a": b"2"})
    graph = load_graph(_opened(space), [Oid(second), Oid(second)])
    assert len(graph) == 2
    assert graph.parents(Oid(second)) == (first,)
    assert graph.unreadable == {}
    assert len(load_graph(_opened(space), [])) == 0


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats(tmp_path: Path, object_format: str) -> None:
    """Edge case 31."""
    space = Workspace(tmp_path / "repository", object_format=object_format)
    first = Oid(space.commit("1", {"a": b"1\n"}))
    second = Oid(space.commit("2", {"a": b"2\n"}))
    repository = _opened(space)
    assert load_graph(repository, [second]).parents(second) == (first,)
    assert [oid for oid, _ in raw_changes(repository, [first, second])] == [first, second]
    assert set(patch_ids(repository, [first, second])) == {first, second}


def test_a_missing_commit_takes_only_the_branches_above_it(space: Workspace) -> None:
    """Edge case 43: named in words, the others are read."""
    base = space.commit("base", {"a": b"1"})
    lost = space.commit("lost", {"a": b"2"})
    above = Oid(space.commit("above", {"a": b"3"}))
    space.switch("whole", base)
    whole = Oid(space.commit("whole", {"b": b"1"}))
    space.switch("two", str(whole))
    space.git("merge", "-q", "-m", "merge", str(above))
    merged = Oid(space.tip("HEAD"))
    _lose(space, lost)
    graph = load_graph(_opened(space), [above, whole, merged])
    assert set(graph.unreadable) == {above, merged}
    assert all(lost in words and "missing" in words for words in graph.unreadable.values())
    assert graph.parents(whole) == (base,)
    assert above not in graph


def test_a_tip_that_is_not_there_is_named(space: Workspace) -> None:
    there = Oid(space.commit("1", {"a": b"1"}))
    nowhere = Oid("1" * 40)
    graph = load_graph(_opened(space), [there, nowhere])
    assert set(graph.unreadable) == {nowhere}
    assert there in graph


def test_a_corrupt_commit_is_named(space: Workspace) -> None:
    broken = space.commit("broken", {"a": b"1"})
    above = Oid(space.commit("above", {"a": b"2"}))
    space.git("checkout", "-q", "--orphan", "other")
    other = Oid(space.commit("other", {"c": b"1"}))
    place = space.path / ".git/objects" / broken[:2] / broken[2:]
    place.chmod(0o644)
    place.write_bytes(b"this is no object")
    graph = load_graph(_opened(space), [above, other])
    assert set(graph.unreadable) == {above}
    assert broken in graph.unreadable[above]
    assert other in graph


def test_an_object_that_is_no_commit_has_no_history(space: Workspace) -> None:
    there = Oid(space.commit("1", {"a": b"1"}))
    tree = Oid(space.tip("HEAD^{tree}"))
    graph = load_graph(_opened(space), [there, tree])
    assert there in graph
    assert tree not in graph
    damaged = load_graph(_opened(space), [there, tree, Oid("3" * 40)])
    assert there in damaged
    assert "tree" in damaged.unreadable[tree]


def test_a_broken_cache_of_the_graph_is_gone_around(space: Workspace) -> None:
    """A commit-graph file with impossible parents stops rev-list; the commits themselves are whole."""
    base = Oid(space.commit("base", {"a": b"1"}))
    above = Oid(space.commit("above", {"a": b"2"}))
    space.git("commit-graph", "write", "--reachable")
    place = space.path / ".git/objects/info/commit-graph"
    place.chmod(0o644)
    data = bytearray(place.read_bytes())
    chunks = {
        bytes(data[at : at + 4]): int.from_bytes(data[at + 4 : at + 12], "big") for at in range(8, 8 + 12 * data[6], 12)
    }
    for row in range(2):
        parent = chunks[b"CDAT"] + row * 36 + 20
        data[parent : parent + 4] = (0x0FFFFFFF).to_bytes(4, "big")
    place.write_bytes(data)
    with pytest.raises(AssertionError):
        space.git("rev-list", "--topo-order", "--parents", above)
    graph = load_graph(_opened(space), [above])
    assert graph.parents(above) == (base,)
    assert graph.unreadable == {}


def test_a_world_that_is_broken_as_a_whole_is_an_error_and_not_a_list_of_bad_tips(space: Workspace) -> None:
    tip = Oid(space.commit("1", {"a": b"1"}))
    gone = _with_git(space, "/nowhere/git")
    with pytest.raises(GitMissing):
        load_graph(gone, [tip])
    with pytest.raises(GitMissing):
        list(raw_changes(gone, [tip]))
    with pytest.raises(GitMissing):
        patch_ids(gone, [tip])


def test_git_that_cannot_list_readable_history_is_an_error(space: Workspace, tmp_path: Path) -> None:
    tip = Oid(space.commit("1", {"a": b"1"}))
    refusing = _stub(tmp_path, 'case "$1" in rev-list) exit 9;; esac\nexec git "$@"')
    with pytest.raises(GitError, match="exit 9"):
        load_graph(_with_git(space, refusing), [tip])


def test_git_that_does_not_answer_is_an_error_and_not_a_list_of_bad_tips(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 40."""
    monkeypatch.setattr(history, "_OBJECT_TIMEOUT_S", 0.2)
    tip = Oid(space.commit("1", {"a": b"1"}))
    silent = _stub(tmp_path, 'case "$1" in rev-list) exit 9;; esac\nread -r line\nread -r line')
    with pytest.raises(GitTimedOut):
        load_graph(_with_git(space, silent), [tip])


def test_replace_refs_are_not_followed(space: Workspace) -> None:
    """Edge case 26."""
    space.commit("1", {"a": b"1"})
    second = space.commit("2", {"a": b"2"})
    third = Oid(space.commit("3", {"a": b"3"}))
    space.git("replace", "--graft", str(third))
    graph = load_graph(_opened(space), [third])
    assert graph.parents(third) == (second,)
    assert len(graph) == 3


def test_a_shallow_clone_knows_where_it_is_cut(space: Workspace, tmp_path: Path) -> None:
    """Edge case 25."""
    for number in range(5):
        space.commit(str(number), {"a": b"%d" % number})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{space.path}", str(clone))
    repository = open_repository(clone)
    cut = Oid(git(clone, "rev-parse", "HEAD~"))
    assert shallow_boundary(repository) == {cut}
    graph = load_graph(repository, [Oid(git(clone, "rev-parse", "HEAD"))])
    assert len(graph) == 2
    assert graph.parents(cut) == ()
    assert graph.shallow == {cut}
    assert shallow_boundary(_opened(space)) == frozenset()


def test_a_damaged_shallow_clone_is_read_up_to_its_cut(space: Workspace, tmp_path: Path) -> None:
    """What lies behind the cut is not missing: it was never there."""
    for number in range(4):
        space.commit(str(number), {"a": b"%d" % number})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{space.path}", str(clone))
    whole, nowhere = Oid(git(clone, "rev-parse", "HEAD")), Oid("2" * 40)
    graph = load_graph(open_repository(clone), [whole, nowhere])
    assert set(graph.unreadable) == {nowhere}
    assert len(graph) == 2
