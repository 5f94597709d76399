"""In what state a work tree is, asked of git's own records in every work tree: main, linked, locked, missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.exclusions import Exclusion, ExclusionCode
from gitalign.core.report import Verdict
from gitalign.git.repository import open_repository
from gitalign.git.worktree import read_checkouts
from tests.git.workspace import Workspace
from tests.runs import branch, request, run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic` is behind main; `picks` has two commits, of which the first clashes with topic."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("picks", "main")
    work.commit("clash", {"f": b"of picks\n"})
    work.commit("more", {"g": b"1\n"})
    work.commit("most", {"h": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f": b"of topic\n"})
    work.commit("topic again", {"t": b"1\n"})
    work.switch("main")
    work.commit("on", {"on": b"1\n"})
    return work


def why(work: Workspace, name: str = "topic") -> Exclusion:
    return next(one for one in facade.plan(request(work.path)).excluded if one.branch == name)


def identify(work: Workspace, place: Path) -> None:
    """Say who works in another repository."""
    work.git("-C", str(place), "config", "user.name", "O Perator")
    work.git("-C", str(place), "config", "user.email", "operator@example.org")


def sequence_of_picks(git: Callable[..., str]) -> None:
    """Stopped at the first pick, settled with `git commit`: what is left is `sequencer/` alone."""
    git("cherry-pick", "picks~2", "picks~1", "picks", check=False)
    git("commit", "-q", "-a", "-m", "settled")


def sequence_of_reverts(git: Callable[..., str]) -> None:
    git("revert", "--no-edit", "picks~2", "topic", "topic~1", check=False)
    git("commit", "-q", "-a", "-m", "settled", "--allow-empty")


def applied_mail(git: Callable[..., str]) -> None:
    git("am", stdin=git("format-patch", "--stdout", "-1", "picks~2").encode(), check=False)


STATES: dict[str, Callable[[Callable[..., str]], object]] = {
    "a sequence of cherry-picks": sequence_of_picks,
    "a sequence of reverts": sequence_of_reverts,
    "git am": applied_mail,
    "a merge": lambda git: git("merge", "picks", check=False),
    "a cherry-pick": lambda git: git("cherry-pick", "picks~2", check=False),
    "a revert": lambda git: git("revert", "--no-edit", "picks~2", check=False),
    "a rebase": lambda git: git("rebase", "picks", check=False),
    "a bisect": lambda git: git("bisect", "start"),
}


@pytest.mark.parametrize("where", ["main", "linked", "locked"])
@pytest.mark.parametrize("state", STATES)
def test_what_is_in_progress_holds_the_branch(work: Workspace, tmp_path: Path, state: str, where: str) -> None:
    """Edge case 56, and its like."""
    place = work.path
    if where == "main":
        work.switch("topic")
    else:
        place = tmp_path / "linked"
        work.git("worktree", "add", "-q", str(place), "topic")
        if where == "locked":
            work.git("worktree", "lock", str(place))

    def git(*words: str, stdin: bytes = b"", check: bool = True) -> str:
        return work.git("-C", str(place), *words, stdin=stdin, check=check)

    STATES[state](git)
    tip = work.tip("topic")
    held = why(work)
    assert held.code is ExclusionCode.CHECKED_OUT_BUSY
    assert f"busy: {state} is in progress" in held.reason
    if where == "main" and state.startswith("a sequence"):
        assert git("status", "--porcelain") == ""
        run(work.path)
        assert work.tip("topic") == tip


@pytest.mark.parametrize("state", ["a rebase", "a bisect"])
def test_a_branch_that_a_missing_work_tree_is_in_the_middle_of(work: Workspace, tmp_path: Path, state: str) -> None:
    """`git worktree repair` or a mounted disk brings it back; its HEAD is detached meanwhile."""
    place = tmp_path / "linked"
    work.git("worktree", "add", "-q", str(place), "topic")
    STATES[state](lambda *words, **more: work.git("-C", str(place), *words, **more))
    work.git("-C", str(place), "checkout", "-q", "--detach", "--force")
    place.rename(tmp_path / "away")
    assert why(work).code is ExclusionCode.WORK_TREE_UNAVAILABLE


def test_another_repository_at_the_place_of_a_work_tree(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "linked"
    work.git("worktree", "add", "-q", str(place), "topic")
    (place / ".git").unlink()
    other = Workspace(place)
    other.commit("of another repository")
    assert why(work).code is ExclusionCode.WORK_TREE_UNAVAILABLE
    assert "does not lead" in why(work).reason
    run(work.path)
    assert other.git("status", "--porcelain") == ""


def test_the_main_work_tree_of_a_submodule_seen_from_a_linked_one(work: Workspace, tmp_path: Path) -> None:
    outer = Workspace(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(work.path), "sub")
    sub = outer.path / "sub"
    identify(work, sub)
    for name in ("topic", "main"):
        work.git("-C", str(sub), "checkout", "-q", name)
    work.git("-C", str(sub), "checkout", "-q", "topic")
    work.git("-C", str(sub), "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    (held,) = read_checkouts(open_repository(tmp_path / "linked"), of_interest={"refs/heads/topic"})
    assert (held.path, held.state.value) == (str(sub), "clean")
    assert branch(run(tmp_path / "linked"), "topic").verdict is Verdict.ALIGNED
    assert (sub / "on").exists()
    assert work.git("-C", str(sub), "status", "--porcelain") == ""


def test_the_main_work_tree_of_a_separate_git_directory(work: Workspace, tmp_path: Path) -> None:
    """git does not record where it is: from elsewhere its branch stays, with what to do; from within it moves."""
    work.switch("topic")
    work.git("init", "-q", f"--separate-git-dir={tmp_path / 'store'}")
    work.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    tip = work.tip("topic")
    run(tmp_path / "linked")
    (held,) = [one for one in facade.plan(request(tmp_path / "linked")).excluded if one.branch == "topic"]
    assert held.code is ExclusionCode.WORK_TREE_UNAVAILABLE
    assert "git does not record where its main work tree is" in held.reason
    assert work.tip("topic") == tip
    assert branch(run(work.path), "topic").verdict is Verdict.ALIGNED
    assert work.git("status", "--porcelain") == ""


@pytest.mark.parametrize("where", ["main", "linked"])
def test_a_work_tree_under_a_repository_that_was_made_bare_by_mistake(
    work: Workspace, tmp_path: Path, where: str
) -> None:
    work.switch("topic")
    place = work.path
    if where == "linked":
        place = tmp_path / "linked"
        work.git("worktree", "add", "-q", str(place), "main")
    work.git("config", "core.bare", "true")
    tip = work.tip("topic")
    run(place)
    (held,) = [one for one in facade.plan(request(place)).excluded if one.branch == "topic"]
    assert "core.bare" in held.reason
    assert work.tip("topic") == tip
    work.git("config", "core.bare", "false")
    assert work.git("status", "--porcelain") == ""


def test_a_bare_repository_named_as_git_names_one_is_bare(work: Workspace, tmp_path: Path) -> None:
    """Work trees side by side around a bare `.git` are common; its HEAD holds no branch, and says which one is the default."""
    work.git("clone", "-q", "--bare", str(work.path), str(tmp_path / "all" / ".git"))
    identify(work, tmp_path / "all" / ".git")
    work.git("-C", str(tmp_path / "all" / ".git"), "symbolic-ref", "HEAD", "refs/heads/topic")
    made = facade.plan(request(tmp_path / "all" / ".git"))
    assert made.snapshot.checkouts == ()
    assert {one.name: one.why for one in made.target_notes} == {
        "topic": "HEAD of this repository",
        "main": "usual name",
    }
