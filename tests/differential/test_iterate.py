"""Rebasing in steps against git rebasing in the same steps: same verdict, same commits."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitalign.core.outcome import Aligned, Conflicted, DropReason
from gitalign.core.plan import StepKind
from tests import needs
from tests.histories import RandomHistory, git
from tests.oracle import Judge, kept
from tests.runs import run

SEEDS = range(60 if needs.IS_THOROUGH else 5)


def _stops(repository: Path, tip: str, onto: str, stride: int) -> list[str]:
    line = git(repository, "rev-list", "--first-parent", onto).splitlines()
    base = git(repository, "merge-base", tip, onto)
    joined = next(
        place for place in range(len(line) - 1, -1, -1) if git(repository, "merge-base", base, line[place]) == base
    )
    return [line[place] for place in [*range(joined - stride, 0, -stride), 0]]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_branch_is_as_git_makes_it_step_by_step(seed: int, tmp_path: Path) -> None:
    repository = RandomHistory(random.Random(seed), merges=False, odd=False).build(tmp_path / "repo.git")
    report = run(repository, strategy="iterative", iterative_step=2)
    judge = Judge(repository, tmp_path / "judge")
    for one in report.branches():
        step, outcome = one.step, one.result.outcome
        where = f"seed {seed}, {step.branch.name}: {outcome}"
        if step.kind is not StepKind.REPLAY or not isinstance(outcome, Aligned | Conflicted):
            continue
        at, stopped_on = str(step.seen), ""
        for stop in _stops(repository, step.seen, step.onto, 2):
            judged = judge.rebase(at, stop)
            if not judged.is_clean:
                stopped_on = stop
                break
            at = judged.head
        if judged.has_crashed:
            continue
        if isinstance(outcome, Conflicted):
            assert stopped_on == (outcome.on_the_way or step.onto), where
            assert {(one.stage, one.oid) for one in outcome.entries} == {
                (int(stage), oid) for _, oid, stage, _ in judged.entries
            }, where
            continue
        assert not stopped_on, where
        assert outcome.tree == judged.tree, where
        assert kept(repository, outcome.after, step.onto) == kept(repository, at, step.onto), where
        told = {pair.old for pair in outcome.rewritten} | {drop.oid for drop in outcome.dropped}
        assert told == set(git(repository, "rev-list", f"{step.onto}..{step.seen}").split()), where
        assert {drop.reason for drop in outcome.dropped} <= {DropReason.UPSTREAM, DropReason.BECAME_EMPTY}, where
