"""Every branch of random histories against git itself: same verdict, same tree, same commits, same conflict."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted, Failed, Refused, Unchanged
from gitalign.core.plan import Permit, Step, StepKind
from gitalign.core.report import Report
from tests import needs
from tests.histories import RandomHistory, git
from tests.oracle import Judge, Judgement, kept


def align(repository: Path, **overrides: object) -> Report:
    """Run over all branches."""
    request = facade.Request(
        repo=repository,
        overrides={f"alignment.{key}": value for key, value in overrides.items()}
        | {"alignment.already_merged": "fast-forward"},  # as git rebase does
    )
    plan = facade.plan(request)
    return facade.run(request, plan=plan, permit=Permit(plan_id=plan.id))


def compare(repository: Path, report: Report, judge: Judge, *, seed: int) -> int:
    """Hold every branch against git; how many were compared."""
    compared = 0
    for branch in report.branches():
        step, outcome = branch.step, branch.result.outcome
        where = f"seed {seed}, {step.branch.name}, {outcome.kind}"
        if isinstance(outcome, Refused):
            assert outcome.code == "unrelated_history", where
            continue
        merging = step.kind is StepKind.MERGE or step.strategy == "merge"
        judged = judge.merge(step.seen, step.onto) if merging else judge.rebase(step.seen, step.onto)
        if judged.has_crashed:
            # git crashes while updating files where merging in memory tells a conflict; never is such a branch moved.
            assert isinstance(outcome, Conflicted | Failed), where
            continue
        check(repository, step, outcome, judged, where=where, merging=merging)
        compared += 1
    return compared


def _unnamed(entry: tuple[str, str, str, str], merging: bool) -> tuple[str, str, str, str]:
    """While merging, git names its side of an invented path by the word it was given: an id here, the target's name there."""
    return (*entry[:3], entry[3].partition("~")[0]) if merging else entry


def check(repository: Path, step: Step, outcome: object, judged: Judgement, *, where: str, merging: bool) -> None:
    """One branch."""
    now = git(repository, "rev-parse", step.ref)
    if isinstance(outcome, Conflicted):
        assert not judged.is_clean, f"{where}: git is clean"
        assert now == step.seen, where
        ours = {_unnamed((entry.mode, entry.oid, str(entry.stage), entry.path), merging) for entry in outcome.entries}
        gits = {_unnamed(entry, merging) for entry in judged.entries}
        # A file merged on the way to a rename conflict holds markers with git's own labels, and so has another id.
        marked = {
            (mode, stage, path)
            for mode, oid, stage, path in gits
            if mode != "160000" and "<<<<<<<" in git(judged.repository, "cat-file", "blob", oid)
        }
        assert {(mode, stage, path) for mode, _, stage, path in ours} == {
            (mode, stage, path) for mode, _, stage, path in gits
        }, where
        assert {one for one in ours if (one[0], one[2], one[3]) not in marked} == {
            one for one in gits if (one[0], one[2], one[3]) not in marked
        }, where
        if not merging:
            assert outcome.commit == judged.stopped_at, where
        return
    assert isinstance(outcome, Aligned | Unchanged), f"{where}: {outcome}"
    assert judged.is_clean, f"{where}: git conflicts in {sorted(judged.entries)} at {judged.stopped_at}"
    assert git(repository, "rev-parse", f"{now}^{{tree}}") == judged.tree, where
    if not merging:
        assert kept(repository, now, step.onto) == judged.kept, where


@needs.examples(4, 30)
@given(seed=st.integers(0, 2**32))
def test_integration_branches_equal_git_merge_on_the_target(seed: int) -> None:
    """The branch never moves; with the target checked out git makes the same tree, or stops at the same conflict."""
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(seed)
        repository = RandomHistory(chance, merges=True, odd=seed % 2 == 1).build(Path(folder) / "repo.git")
        report = align(repository, strategy="integration-branch")
        judge = Judge(repository, Path(folder) / "judge")
        for branch in report.branches():
            step, outcome = branch.step, branch.result.outcome
            where = f"seed {seed}, {step.branch.name}, {outcome.kind}"
            assert git(repository, "rev-parse", step.ref) == step.seen, where
            made = git(repository, "for-each-ref", "--format=%(objectname)", step.moved_ref)
            if isinstance(outcome, Refused | Unchanged):
                assert outcome.code in ("unrelated_history", "already_merged", "up_to_date"), where
                assert made == "", where
                continue
            judged = judge.merge(step.onto, step.seen, ff=False)
            if judged.has_crashed:
                assert isinstance(outcome, Conflicted | Failed), where
                continue
            if isinstance(outcome, Conflicted):
                check(repository, step, outcome, judged, where=where, merging=True)
                assert made == "", where
                continue
            assert isinstance(outcome, Aligned), f"{where}: {outcome}"
            assert judged.is_clean, where
            told = git(repository, "log", "-1", "--format=%T %P", made)
            assert told == f"{judged.tree} {step.onto} {step.seen}", where


@needs.examples(6, 40)
@given(seed=st.integers(0, 2**32))
def test_rebase_equals_git_rebase(seed: int) -> None:
    """Edge cases 1, 6, 7, 8, 11, 16, 21, 22."""
    with tempfile.TemporaryDirectory() as folder:
        repository = RandomHistory(random.Random(seed)).build(Path(folder) / "repo.git")
        report = align(repository)
        assert compare(repository, report, Judge(repository, Path(folder) / "judge"), seed=seed) >= 3


@needs.examples(4, 35)
@given(seed=st.integers(0, 2**32))
def test_histories_with_merges_equal_git(seed: int) -> None:
    """Edge case 4: flattened, merged, and merged instead, which is told. git is asked once for each branch and way."""
    with tempfile.TemporaryDirectory() as folder:
        repository = RandomHistory(random.Random(seed), merges=True).build(Path(folder) / "repo.git")
        flattened, merged, instead = (
            shutil.copytree(repository, Path(folder) / f"{way}.git") for way in ("flattened", "merged", "instead")
        )
        judge = Judge(repository, Path(folder) / "judge")
        report = align(flattened, merges="flatten")
        compare(flattened, report, judge, seed=seed)
        for branch in report.branches():
            step, outcome = branch.step, branch.result.outcome
            if step.merges and isinstance(outcome, Aligned) and step.kind is StepKind.REPLAY:
                told = [drop for drop in outcome.dropped if drop.reason == "merge_flattened"]
                assert len(told) == step.merges
        assert compare(merged, align(merged, strategy="merge"), judge, seed=seed) >= 3
        report = align(instead)
        compare(instead, report, judge, seed=seed)
        assert all(branch.step.notes for branch in report.branches() if branch.step.merges)


@needs.examples(5, 30)
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge"]))
def test_odd_paths_and_merged_roots_equal_git(seed: int, how: str) -> None:
    """Edge cases 5, 12."""
    settings_of = {"rebase": {}, "flatten": {"merges": "flatten"}, "merge": {"strategy": "merge"}}[how]
    with tempfile.TemporaryDirectory() as folder:
        history = RandomHistory(random.Random(seed), merges=how != "rebase", odd=True)
        repository = history.build(Path(folder) / "repo.git")
        report = align(repository, **settings_of)
        assert compare(repository, report, Judge(repository, Path(folder) / "judge"), seed=seed) >= 3


@needs.examples(3, 25)
@given(seed=st.integers(0, 2**32))
def test_a_second_run_changes_nothing(seed: int) -> None:
    """Edge case 3."""
    with tempfile.TemporaryDirectory() as folder:
        repository = RandomHistory(random.Random(seed)).build(Path(folder) / "repo.git")
        first = align(repository)
        before = git(repository, "for-each-ref"), git(repository, "count-objects", "-v")
        second = align(repository)
        assert (git(repository, "for-each-ref"), git(repository, "count-objects", "-v")) == before
        assert not second.publications
        conflicts = {
            branch.step.branch.name for branch in first.branches() if isinstance(branch.result.outcome, Conflicted)
        }
        again = {branch.step.branch.name: branch.result.outcome for branch in second.branches()}
        for name in conflicts:
            outcome = again[name]
            assert isinstance(outcome, Conflicted)
            assert outcome.cached


@pytest.mark.parametrize("seed", range(3))
def test_one_worker_or_many_give_the_same_commits(seed: int, tmp_path: Path) -> None:
    tips = []
    for workers in (1, 4):
        repository = RandomHistory(random.Random(seed), branches=12).build(tmp_path / f"{workers}.git")
        request = facade.Request(
            repo=repository,
            overrides={"orchestration.max_workers_per_target": workers, "alignment.committer": "preserve"},
        )
        plan = facade.plan(request)
        facade.run(request, plan=plan, permit=Permit(plan_id=plan.id))
        tips.append(git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/topic"))
    assert tips[0] == tips[1]
