"""Branches that stop, looked at together: who stops at the same clash, and where in the files. Nothing moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitalign.core.conflict_groups import BranchConflict, grouped
from gitalign.core.outcome import NOTHING_OWN, Aligned, Conflicted, Outcome, StepResult, Unchanged, conflict_of
from gitalign.core.outlook import StoppedWork
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.shared_conflicts import shared_conflicts
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.analysis.conflict_inspector import ConflictInspector
from gitalign.engine.runtime.context import AnalysisContext

_MOST_SHARED = 500
_MERGED = frozenset({StepKind.FAST_FORWARD, StepKind.LEAVE})


def stopped_work(
    integration: IntegrationContext,
    stopped: Mapping[str, tuple[Step, Conflicted]],
    context: AnalysisContext,
    *,
    budget_s: float | None = None,
) -> StoppedWork:
    """What can be said of branches that stop.

    Args:
        integration: where to merge.
        stopped: branch name -> its step and where it stops.
        context: cache, events, stop signal.
        budget_s: seconds after which no further branch is looked at.

    Raises:
        GitError, OutOfSpace
    """
    if not stopped:
        return StoppedWork()
    steps = [step for _, (step, _) in sorted(stopped.items())]
    # After a run, branches may be deleted, and their commits with them.
    graph = integration.graph
    there = [step for step in steps if step.seen in graph and step.onto in graph]
    sight = ConflictInspector(integration, context.stop, emit=context.emit, budget_s=budget_s)
    stops, pieces = sight.stops(there, context.cache, at=context.at)
    hunks = sight.hunks(there, context.cache, at=context.at)
    return StoppedWork(
        names=tuple(step.branch.name for step in steps),
        groups=grouped(
            BranchConflict(
                branch=step.branch.name,
                target=step.target.name,
                tip=step.seen,
                kind=step.kind,
                signature=stops[step.branch.name].signature if step.branch.name in stops else "",
                conflict=stopped[step.branch.name][1],
            )
            for step in steps
        ),
        shared=shared_conflicts(stops, pieces)[:_MOST_SHARED],
        hunks=hunks,
        unseen=sum(step.branch.name not in stops for step in steps),
    )


def joined(parts: Sequence[StoppedWork]) -> StoppedWork:
    """What was found on several targets, put together."""
    return StoppedWork(
        names=tuple(sorted({name for one in parts for name in one.names})),
        groups=tuple(group for one in parts for group in one.groups),
        shared=tuple(clash for one in parts for clash in one.shared),
        hunks=tuple(hunks for one in parts for hunks in one.hunks),
        unseen=sum(one.unseen for one in parts),
    )


def stopped_steps(plan: Plan, results: Iterable[StepResult]) -> dict[str, tuple[Step, Conflicted]]:
    """Branch name -> its step and where it stops."""
    by_id: dict[int, Step] = {step.id: step for step in plan.steps}
    return {
        result.branch: (by_id[result.step_id], conflict)
        for result in results
        if result.step_id in by_id and (conflict := conflict_of(result.outcome)) is not None
    }


def merged_branches(plan: Plan) -> tuple[str, ...]:
    """Names of branches whose every commit is in their target, sorted."""
    return tuple(sorted(step.branch.name for step in plan.steps if step.kind in _MERGED))


def squashed_branches(plan: Plan, results: Sequence[StepResult]) -> tuple[str, ...]:
    """Names of further branches of which nothing is left to bring in, sorted: squashed, rebased or picked into their target."""
    outcomes = {result.step_id: result.outcome for result in results}
    return tuple(
        sorted(
            step.branch.name
            for step in plan.steps
            if step.kind not in _MERGED and _has_nothing_own(outcomes.get(step.id))
        )
    )


def _has_nothing_own(outcome: Outcome | None) -> bool:
    if isinstance(outcome, Unchanged):
        return outcome.code == "already_merged"
    return isinstance(outcome, Aligned) and outcome.how in NOTHING_OWN


def remotes_of(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Branch name and remote, of the branches of a plan that are not here."""
    return tuple((step.branch.name, step.of_remote) for step in plan.steps if step.of_remote is not None)
