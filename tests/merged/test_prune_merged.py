"""`prune --merged`: what counts as merged, what stays, and that every deletion can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gitalign
from gitalign import facade
from gitalign.core.merged import Merged, Proof
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunState
from gitalign.errors import NotPermitted, UserError
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

PERMIT = Permit(plan_id="*", push=True)


def state(work: Workspace) -> tuple[str, str]:
    """All branches, and what git's configuration says of them."""
    return work.git("for-each-ref", "refs/heads"), work.git("config", "--local", "--get-regexp", r"^branch\.")


def names(work: Workspace) -> set[str]:
    return set(work.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines())


def prune(work: Workspace, *, squashed: bool = False) -> Report:
    asked = request(work.path)
    report = gitalign.prune_merged(asked, squashed=squashed, permit=PERMIT)
    assert report is not None
    return report


def found(work: Workspace, **settings: Any) -> Merged:
    return gitalign.merged_branches(request(work.path, **settings))


def test_a_run_leaves_merged_branches_where_they_are_and_says_so(work: Workspace) -> None:
    before = {name: work.tip(name) for name in ("contained", "ahead", "picked")}
    done = warm.run("run", "--yes", cwd=work.path)
    assert "git align prune --merged" in done.stdout
    report = facade.show(request(work.path))
    assert {name: work.tip(name) for name in before} == before
    for name in before:
        assert branch(report, name).result.outcome.kind == "unchanged"
    told = warm.run("--json", cwd=work.path)
    assert json.loads(told.stdout)["merged"] == 2


def test_each_way_of_landing_has_its_proof(work: Workspace) -> None:
    told = {str(one.branch): one for one in found(work).branches}
    assert {name: one.proof for name, one in told.items()} == {
        "contained": Proof.CONTAINED,
        "ahead": Proof.CONTAINED,
        "picked": Proof.PATCHES,
        "squashed": Proof.SQUASHED,
        "squashed-long-ago": Proof.SQUASHED,
        "spread": Proof.NOTHING_LEFT,
    }
    subjects = {name: work.git("log", "-1", "--format=%s", one.commit) for name, one in told.items() if one.commit}
    assert subjects == {
        "picked": "picked 1",
        "squashed": "squashed as one",
        "squashed-long-ago": "squashed-long-ago as one",
    }
    assert told["squashed"].words == f"squash-merged into main as {str(told['squashed'].commit)[:10]}"
    assert not any(one.kept for one in told.values())


def test_only_contained_ones_go_and_squashed_ones_when_asked_for_and_undo_gives_all_back(work: Workspace) -> None:
    work.git("config", "branch.contained.description", "two\nlines")
    before = state(work)
    with pytest.raises(NotPermitted):
        gitalign.prune_merged(request(work.path))
    first = prune(work)
    assert first.exit_code() == 0
    assert first.run.kind is RunKind.PRUNE
    assert {one.update.ref for one in first.publications} == {"refs/heads/ahead", "refs/heads/contained"}
    assert not {"ahead", "contained"} & names(work)
    assert "branch.contained" not in state(work)[1]
    second = prune(work, squashed=True)
    assert names(work) == {"main", "taken-back", "open", "half"}
    assert gitalign.prune_merged(request(work.path), squashed=True, permit=PERMIT) is None
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "--quiet", "--prune=now")
    facade.undo(request(work.path), second.run.id, permit=PERMIT)
    back = facade.undo(request(work.path), first.run.id, permit=PERMIT)
    assert (state(work)[0], sorted(state(work)[1].splitlines())) == (before[0], sorted(before[1].splitlines()))
    facade.undo(request(work.path), back.run.id, permit=PERMIT)
    assert not {"ahead", "contained"} & names(work)
    facade.restore(request(work.path), "ahead", permit=PERMIT)
    assert names(work) >= {"ahead"}
    assert work.git("config", "branch.ahead.merge") == "refs/heads/ahead"


def test_what_is_in_use_stays_with_the_reason(work: Workspace, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", str(tmp_path / "desk"), "contained")
    work.switch("on-top", "ahead")
    work.git("branch", "-q", "-u", "ahead", "on-top")
    work.commit("more", {"more": b"1\n"})
    work.git("config", "git-town-branch.open.parent", "squashed")
    work.git("branch", "new", "main~2")
    work.switch("release/1", "main~1")
    work.commit("r", {"r": b"1\n"})
    work.switch("main")
    work.git("merge", "-q", "release/1")
    work.git("branch", "staging", "main~1")
    told = {str(one.branch): one.kept for one in found(work, targets=["main"]).branches}
    assert told["contained"] == f"it is checked out in {tmp_path / 'desk'}"
    assert told["ahead"] == "on-top is on top of it"
    assert told["squashed"] == "open is on top of it"
    assert told["new"] == "nothing was ever committed on it: it may be new"
    assert not {"main", "release/1", "staging", "on-top"} & told.keys(), "targets, long-lived and protected branches"
    assert gitalign.prune_merged(request(work.path, targets=["main"]), permit=PERMIT) is None


def test_a_branch_that_moves_after_the_look_is_not_deleted(work: Workspace) -> None:
    seen = found(work)
    work.switch("ahead")
    mine = work.commit("mine", {"mine": b"1\n"})
    work.switch("contained")
    report = gitalign.prune_merged(request(work.path), found=seen, permit=PERMIT)
    assert report is not None
    assert report.exit_code() == 1
    assert {one.state for one in report.publications} == {MoveState.HELD_BACK}
    assert work.tip("ahead") == mine
    assert "contained" in names(work)


def test_unpushed_moves_of_runs_keep_a_branch(work: Workspace) -> None:
    run(work.path, only=("open",))
    work.git("merge", "-q", "--no-ff", "-m", "merge open", "open")
    assert {str(one.branch): one.kept for one in found(work).branches}["open"] == (
        "origin/open lacks what a run made of it: git align push"
    )


@pytest.mark.parametrize("effect", ["journal", "pin", "refs", "refs moved", "sections", "push", "end"])
def test_killed_at_any_moment_it_is_finished_and_can_be_undone(work: Workspace, effect: str) -> None:
    before = state(work)
    assert warm.call("tests.engine.rehearsal:main", work.path, "prune-merged", effect).returncode == -9
    (killed,) = facade.cut_off_runs(request(work.path))
    if effect == "refs moved":
        for run_id, code in ((killed, 0), ("last", 2)):
            shown = warm.run("undo", run_id, "--dry-run", cwd=work.path)
            assert (shown.returncode, f"run {killed} was cut off" in shown.stdout) == (code, True)
    facade.resume(request(work.path))
    assert facade.cut_off_runs(request(work.path)) == ()
    (record,) = facade.runs(request(work.path))
    gone = effect != "journal"
    assert record.state is (RunState.FINISHED if gone else RunState.FAILED)
    assert ("ahead" not in names(work)) is gone
    assert ("branch.ahead" not in state(work)[1]) is gone
    if gone:
        assert warm.call("tests.engine.rehearsal:main", work.path, "undo", "verify").returncode == -9
        facade.resume(request(work.path))
        assert (state(work)[0], sorted(state(work)[1].splitlines())) == (before[0], sorted(before[1].splitlines()))


def test_at_the_command_line(work: Workspace) -> None:
    before = state(work)
    dry = warm.run("prune", "--merged", "--dry-run", "--json", cwd=work.path)
    entries = {one["branch"]: one for one in json.loads(dry.stdout)["merged"]}
    assert [name for name, one in entries.items() if one["would_delete"]] == ["ahead", "contained"]
    assert entries["squashed"]["proof"] == "squash_merged"
    shown = warm.run("prune", "--merged", "--dry-run", cwd=work.path).stdout
    assert "add --squashed" in shown
    assert state(work) == before
    for words in (
        ["--merged"],
        ["--squashed", "--yes"],
        ["--merged", "--backups", "--yes"],
        ["--merged", "--only", "no"],
    ):
        assert warm.run("prune", *words, cwd=work.path).returncode == 2, words
    none = warm.run("prune", "--merged", "--author", "no one", "--dry-run", cwd=work.path)
    assert (none.returncode, none.stdout.splitlines()[-1]) == (0, "no merged branch passes the filters")
    done = warm.run("prune", "--merged", "--exclude", "ahead", "--yes", cwd=work.path)
    assert done.returncode == 0
    assert "git align undo" in done.stdout
    assert names(work) >= {"ahead", "squashed"}
    assert "contained" not in names(work)
    for form in ("md", "html", "json", "junit", "sarif"):
        report = warm.run("report", "--format", form, cwd=work.path)
        assert report.returncode == 0, form
        assert form in ("html", "junit", "sarif") or "contained" in report.stdout, form
    assert warm.run("undo", "last", "--yes", cwd=work.path).returncode == 0
    assert state(work)[0] == before[0]


def test_a_repository_without_a_target_is_refused(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"1\n"})
    work.git("branch", "-m", "main", "odd")
    with pytest.raises(UserError):
        found(work)
