"""A process that was taken for dead and wakes up again changes nothing: no branch here, none on a remote, nothing in the journal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.publication import PushState
from tests.engine.test_ownership import under_way
from tests.git.workspace import Workspace
from tests.runs import request

YES = Permit(plan_id="*", given_by="test")


ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the journal is, for this process and those that it starts: in the git directory, unless a test says otherwise."""
    if getattr(request, "param", "sqlite") == "postgres":
        monkeypatch.setenv("GITALIGN_STORE__URL", request.getfixturevalue("server"))


@pytest.fixture
def work(database: None, tmp_path: Path) -> Workspace:
    """Three branches with upstreams, behind main."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"base": b"0\n"})
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    for name in ("a", "b", "c"):
        work.switch(f"topic/{name}", "main")
        work.commit(name, {name: b"1\n"})
    work.git("push", "-q", "-u", "origin", "topic/a", "topic/b", "topic/c", "main")
    work.switch("main")
    work.commit("more", {"more": b"1\n"})
    work.git("push", "-q", "origin", "main")
    return work


def tips(place: Path) -> dict[str, str]:
    words = ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/topic"]
    listed = subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout
    return dict(line.split(" ") for line in listed.splitlines())


def taken_over(work: Workspace) -> str:
    """The run under way is counted as dead and finished by this process; its id."""
    run_id = facade.runs(request(work.path))[0].id
    facade.resume(request(work.path), take_over=run_id)
    return run_id


@pytest.mark.parametrize("effect", ["results", "journal", "pin"])
def test_it_moves_no_branch(work: Workspace, effect: str) -> None:
    moves_no_branch(work, effect)


@ON_BOTH
def test_it_moves_no_branch_after_its_last_question(work: Workspace) -> None:
    """It was stopped right before it moves branches, and all is as it was then: the other process has undone the run."""
    moves_no_branch(work, "refs")


def moves_no_branch(work: Workspace, effect: str) -> None:
    with under_way(work.path, effect) as process:
        run_id = taken_over(work)
        facade.undo(request(work.path), "last", permit=YES)
        stands, said = tips(work.path), facade.show(request(work.path), run_id)
        assert process.go_on() == 3
    assert tips(work.path) == stands
    assert facade.show(request(work.path), run_id) == said


@ON_BOTH
def test_it_pushes_nothing(work: Workspace, tmp_path: Path) -> None:
    """The branches have moved here; the other process found that the remote has none of them, and finished the run."""
    before = tips(tmp_path / "remote.git")
    with under_way(work.path, "push", "push") as process:
        run_id = taken_over(work)
        said = facade.show(request(work.path), run_id)
        assert {one.push for one in said.publications} == {PushState.NOT_PUSHED}
        assert process.go_on() == 3
    assert tips(tmp_path / "remote.git") == before
    assert facade.show(request(work.path), run_id) == said


def test_a_run_that_nobody_takes_is_not_disturbed_by_others(work: Workspace, tmp_path: Path) -> None:
    """Another run begins, ends and takes claims meanwhile; the token of the first one stays."""
    with under_way(work.path, "refs", "push") as process:
        other = facade.run(request(work.path), permit=YES)
        assert all(getattr(one.outcome, "code", "") == "claimed_by_other_run" for one in other.results)
        assert process.go_on() == 0
    assert tips(work.path) == tips(tmp_path / "remote.git")


def test_a_late_pin_does_not_take_the_anchor_back(work: Workspace) -> None:
    """The process that took the run over has made the anchor its own; the first one, about to make it, does not get it."""
    with under_way(work.path, "pin") as process:
        run_id = taken_over(work)
        anchor = work.git("for-each-ref", "refs/gitalign")
        assert process.go_on() == 3
    assert run_id in anchor
    assert work.git("for-each-ref", "refs/gitalign") == anchor
