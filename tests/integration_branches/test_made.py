"""`strategy: integration-branch`: what git merges, whose a branch is, names and work trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, Refused, Unchanged
from gitalign.core.report import Verdict
from gitalign.errors import UserError
from tests.git.workspace import Workspace
from tests.integration_branches.conftest import LINES
from tests.integration_branches.judging import as_git_merges, branches, run, shape
from tests.runs import branch, excluded, request
from tests.runs import run as run_with


def test_it_is_what_git_merges_and_the_branch_stays(work: Workspace) -> None:
    before = branches(work)
    wanted = {name: as_git_merges(work, name) for name in ("feature", "merged")}
    report = run(work.path)
    after = branches(work)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"integration/feature", "integration/merged"}
    for name, told in wanted.items():
        assert shape(work, f"integration/{name}") == told
        outcome = branch(report, name).result.outcome
        assert isinstance(outcome, Aligned)
        assert (outcome.how, outcome.after) == (AlignedKind.INTEGRATED, after[f"integration/{name}"])
        assert branch(report, name).verdict is Verdict.ALIGNED
    assert isinstance(branch(report, "clashes").result.outcome, Conflicted)
    assert branch(report, "clashes").verdict is Verdict.CONFLICTED
    assert isinstance(branch(report, "done").result.outcome, Unchanged)
    assert work.git("status", "--porcelain") == ""


@pytest.mark.parametrize("target", ["main", "master", "scientific", "release/1"])
def test_the_message_is_gits(tmp_path: Path, target: str) -> None:
    work = Workspace(tmp_path / "repo")
    work.git("checkout", "-q", "--orphan", target)
    work.commit("base", {"f": LINES})
    work.switch("feature", target)
    work.commit("one", {"own": b"1\n"})
    work.switch(target)
    work.commit("on", {"g": b"1\n"})
    wanted = as_git_merges(work, "feature", target)
    run(work.path, targets=(target,))
    assert shape(work, "integration/feature") == wanted


def test_a_branch_that_has_its_target_is_merged_all_the_same(work: Workspace) -> None:
    work.switch("ahead", "main")
    work.commit("more", {"more": b"1\n"})
    wanted = as_git_merges(work, "ahead")
    assert branch(run(work.path, only=("ahead",)), "ahead").verdict is Verdict.ALIGNED
    assert shape(work, "integration/ahead") == wanted


def test_a_second_run_changes_nothing_and_a_third_follows(work: Workspace) -> None:
    run(work.path)
    before = branches(work)
    report = run(work.path, only=("feature", "merged", "integration/*"))
    assert {one.result.outcome.kind for one in report.branches()} == {"unchanged"}
    assert "integration/feature contains it and main already" in branch(report, "feature").detail
    assert branches(work) == before
    assert excluded(report, "integration/feature").code is ExclusionCode.INTEGRATION
    work.commit("on", {"h": b"2\n"})
    work.switch("feature")
    work.commit("three", {"own": b"3\n"})
    wanted = as_git_merges(work, "feature")
    report = run(work.path, only=("feature",), orchestration__enable_backup_branches=True)
    assert shape(work, "integration/feature") == wanted
    assert branches(work)["backup-integration/feature-pre-align"] == before["integration/feature"]
    told = branch(report, "feature").publication
    assert told is not None
    assert told.update.before == before["integration/feature"]


def test_it_is_no_feature_branch_under_any_strategy(work: Workspace) -> None:
    run(work.path, only=("feature",))
    work.commit("on", {"h": b"2\n"})
    before = branches(work)["integration/feature"]
    report = run_with(work.path, strategy="rebase")
    assert excluded(report, "integration/feature").code is ExclusionCode.INTEGRATION
    assert branches(work)["integration/feature"] == before


def test_it_is_known_again_when_its_branch_was_rewritten_or_is_gone(work: Workspace) -> None:
    run(work.path, only=("feature",))
    work.switch("feature")
    work.git("commit", "-q", "--amend", "-m", "another")
    wanted = as_git_merges(work, "feature")
    assert branch(run(work.path, only=("feature",)), "feature").verdict is Verdict.ALIGNED
    assert shape(work, "integration/feature") == wanted
    work.git("branch", "-q", "-D", "feature")
    assert excluded(run(work.path), "integration/feature").code is ExclusionCode.INTEGRATION


def test_it_is_known_again_by_its_shape_when_the_journal_is_lost(work: Workspace) -> None:
    run(work.path, only=("feature",))
    for place in (work.path / ".git" / "gitalign").glob("gitalign.db*"):
        place.unlink()
    work.commit("on", {"h": b"2\n"})
    wanted = as_git_merges(work, "feature")
    assert branch(run(work.path, only=("feature",)), "feature").verdict is Verdict.ALIGNED
    assert shape(work, "integration/feature") == wanted


def test_a_branch_of_that_name_that_is_somebodys_is_not_touched(work: Workspace) -> None:
    work.switch("integration/feature", "main")
    mine = work.commit("mine", {"hand": b"made\n"})
    work.switch("main")
    report = run(work.path)
    outcome = branch(report, "feature").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "integration_branch_taken"
    assert branches(work)["integration/feature"] == mine
    # It is a feature branch like any other.
    assert branch(report, "integration/feature").verdict is Verdict.ALIGNED
    assert shape(work, "integration/integration/feature") == as_git_merges(work, "integration/feature")


def test_somebodys_commit_on_top_is_not_lost(work: Workspace) -> None:
    run(work.path, only=("feature",))
    work.switch("integration/feature")
    mine = work.commit("mine", {"hand": b"made\n"})
    work.switch("main")
    work.commit("on", {"h": b"2\n"})
    outcome = branch(run(work.path, only=("feature",)), "feature").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "integration_branch_taken"
    assert branches(work)["integration/feature"] == mine


def test_a_merge_that_somebody_made_with_decisions_in_it_is_not_replaced(work: Workspace) -> None:
    work.git("checkout", "-q", "-b", "integration/clashes", "main~1")
    work.git("merge", "-q", "--no-commit", "-X", "ours", "clashes")
    (work.path / "g").write_bytes(b"decided\n")
    mine = work.commit("decided")
    work.git("checkout", "-q", "-b", "integration/feature", "main~1")
    work.git("merge", "-q", "--no-edit", "feature")
    work.switch("main")
    report = run(work.path, only=("clashes", "feature"))
    outcome = branch(report, "clashes").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "integration_branch_taken"
    assert branches(work)["integration/clashes"] == mine
    assert branch(report, "feature").verdict is Verdict.ALIGNED


@pytest.mark.parametrize("there", ["integration", "integration/feature/more"])
def test_a_name_git_cannot_make_is_refused_in_the_plan(work: Workspace, there: str) -> None:
    work.git("branch", there, "done")
    plan = facade.plan(request(work.path, strategy="integration-branch", only=("feature",)))
    (step,) = plan.steps
    assert step.refusal is not None
    assert step.refusal[0] == "integration_name_clash"
    assert there in step.refusal[1]
    run(work.path, only=("feature",))
    assert "integration/feature" not in branches(work)


def test_what_is_protected_or_a_target_is_refused(work: Workspace) -> None:
    (step,) = facade.plan(
        request(work.path, strategy="integration-branch", only=("feature",), protected=("integration/*",))
    ).steps
    assert step.refusal is not None
    work.git("branch", "integration/feature", "main")
    work.git("commit", "-q", "--allow-empty", "-m", "on")
    (step,) = facade.plan(
        request(work.path, strategy="integration-branch", only=("feature",), targets=("main", "integration/feature"))
    ).steps
    assert step.refusal is not None
    assert step.refusal[0] == "integration_branch_taken"


def test_a_branch_in_a_work_tree_with_changes_is_no_obstacle(work: Workspace) -> None:
    work.switch("feature")
    (work.path / "own").write_bytes(b"changed\n")
    assert branch(run(work.path, only=("feature",)), "feature").verdict is Verdict.ALIGNED
    assert (work.path / "own").read_bytes() == b"changed\n"
    assert "integration/feature" in branches(work)
    # A rule for other branches leaves those that move where they are.
    report = run_with(
        work.path, strategies=[{"match": "merged", "strategy": "integration-branch"}], only=("feature", "merged")
    )
    assert excluded(report, "feature").code is ExclusionCode.CHECKED_OUT_DIRTY
    assert branch(report, "merged").verdict is Verdict.ALIGNED


def test_a_work_tree_on_the_integration_branch_follows_when_it_is_clean(work: Workspace, tmp_path: Path) -> None:
    run(work.path, only=("feature",))
    other = tmp_path / "other"
    work.git("worktree", "add", "-q", str(other), "integration/feature")
    work.commit("on", {"h": b"2\n"})
    assert branch(run(work.path, only=("feature",)), "feature").verdict is Verdict.ALIGNED
    assert (other / "h").read_bytes() == b"2\n"
    assert work.git("-C", str(other), "status", "--porcelain") == ""
    (other / "h").write_bytes(b"changed\n")
    work.commit("on", {"h": b"3\n"})
    before = branches(work)["integration/feature"]
    left = excluded(run(work.path, only=("feature",)), "feature")
    assert left.code is ExclusionCode.CHECKED_OUT_DIRTY
    assert "integration/feature" in left.reason
    assert branches(work)["integration/feature"] == before


def test_it_is_not_made_under_a_work_tree_that_waits_for_it(work: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    work.git("worktree", "add", "-q", "--detach", str(other), "done")
    work.git("-C", str(other), "symbolic-ref", "HEAD", "refs/heads/integration/feature")
    report = run(work.path, only=("feature",))
    assert branch(report, "feature").verdict is Verdict.HELD_BACK
    assert "integration/feature" not in branches(work)


def test_a_merge_of_two_targets_below_the_prefix_is_no_integration_branch(work: Workspace) -> None:
    work.git("branch", "scientific", "merged")
    work.git("checkout", "-q", "-b", "integration/scientific", "main")
    work.git("merge", "-q", "--no-ff", "--no-edit", "scientific")
    work.switch("main")
    plan = facade.plan(request(work.path, only=("integration/*",)))
    assert [step.branch.name for step in plan.steps] == ["integration/scientific"]


def test_another_prefix(work: Workspace) -> None:
    run(work.path, only=("feature",), integration_prefix="on/main")
    assert "on/main/feature" in branches(work)
    with pytest.raises(UserError, match="integration_prefix"):
        run(work.path, only=("feature",), integration_prefix="a..b")
