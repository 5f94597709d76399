"""`--fetch` brings the newest targets, whatever the clone's refspecs say, and moves nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Plan
from gitalign.errors import RemoteError, UserError
from gitalign.git.remote import fetch
from gitalign.git.repository import open_repository
from tests.git.workspace import Workspace


@pytest.fixture
def upstream(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "upstream")
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    work.switch("main")
    return work


def clone(upstream: Workspace, *words: str) -> Path:
    place = upstream.path.parent / "clone"
    upstream.git("clone", "-q", *words, str(upstream.path), str(place))
    return place


def heads(upstream: Workspace, place: Path) -> str:
    return upstream.git("-C", str(place), "for-each-ref", "refs/heads", "refs/tags")


def planned(place: Path, **settings: object) -> Plan:
    return facade.plan(facade.Request(repo=place, fetch=True, overrides=settings))


@pytest.mark.parametrize(
    ("words", "refspec"),
    [
        ("--mirror", ""),
        ("--bare", ""),
        ("--bare", "+refs/heads/*:refs/heads/*"),
        ("--no-checkout", "+refs/heads/*:refs/heads/*"),
        ("--single-branch --branch x", ""),
        ("", ""),
    ],
)
def test_only_the_targets_remote_tracking_branch_moves(upstream: Workspace, words: str, refspec: str) -> None:
    """Edge case 52: mirror, bare and single-branch clones."""
    place = clone(upstream, *words.split())
    if refspec:
        upstream.git("-C", str(place), "config", "remote.origin.fetch", refspec)
    # A commit that is here alone, and commits and a tag that are there alone.
    mine = upstream.git("-C", str(place), "commit-tree", "-p", "HEAD", "-m", "mine", "HEAD^{tree}")
    upstream.git("-C", str(place), "update-ref", "refs/heads/topic", mine)
    upstream.git("branch", "topic", "x")
    upstream.git("tag", "new")
    newest = upstream.commit("main goes on", {"b": b"b\n"})
    before = heads(upstream, place)
    (target,) = planned(place).targets
    assert (target.ref, target.oid) == ("refs/remotes/origin/main", newest)
    assert heads(upstream, place) == before


def test_a_target_that_was_rewritten_there_is_fetched_as_it_is(upstream: Workspace) -> None:
    place = clone(upstream)
    upstream.git("commit", "-q", "--amend", "-m", "another base")
    with pytest.raises(UserError, match="main and origin/main have diverged") as caught:
        planned(place)
    assert caught.value.exit_code == 2
    assert upstream.git("-C", str(place), "rev-parse", "origin/main") == upstream.tip("main")


def test_a_local_target_that_is_ahead_is_taken(upstream: Workspace) -> None:
    place = clone(upstream)
    mine = upstream.git("-C", str(place), "commit-tree", "-p", "main", "-m", "mine", "main^{tree}")
    upstream.git("-C", str(place), "update-ref", "refs/heads/main", mine)
    (target,) = planned(place).targets
    assert (target.ref, target.oid) == ("refs/heads/main", mine)


def test_a_remote_of_another_name_counts(upstream: Workspace) -> None:
    place = clone(upstream, "--origin", "theirs")
    newest = upstream.commit("main goes on", {"b": b"b\n"})
    (target,) = planned(place, **{"alignment.remote": "theirs"}).targets
    assert (target.ref, target.oid) == ("refs/remotes/theirs/main", newest)


def test_a_remote_without_the_targets_is_an_error(upstream: Workspace) -> None:
    place = clone(upstream)
    upstream.git("branch", "-m", "main", "renamed")
    with pytest.raises(RemoteError, match="none of the target branches: main") as caught:
        planned(place, **{"alignment.targets": ["main"]})
    assert caught.value.exit_code == 3
    assert "alignment.targets" in caught.value.hint


def test_a_target_that_is_here_alone_is_taken_from_here(upstream: Workspace) -> None:
    place = clone(upstream)
    upstream.git("-C", str(place), "branch", "scientific")
    assert [target.name for target in planned(place).targets] == ["main", "scientific"]


def test_a_remote_tracking_branch_that_stands_for_a_local_one_is_refused(upstream: Workspace) -> None:
    place = clone(upstream)
    upstream.git("-C", str(place), "symbolic-ref", "refs/remotes/origin/main", "refs/heads/main")
    before = heads(upstream, place)
    upstream.commit("main goes on", {"b": b"b\n"})
    with pytest.raises(UserError, match="symbolic ref to refs/heads/main"):
        fetch(open_repository(place), "origin", ("main",))
    assert heads(upstream, place) == before
