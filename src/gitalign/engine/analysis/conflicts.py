"""The conflicts of a plan as they stand: which branches stop at the same clash, and all about one of them. Nothing moves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts, MergeCulprit, grouped
from gitalign.core.graph import CommitGraph
from gitalign.core.names import BranchName
from gitalign.core.outcome import Cancelled, Conflicted
from gitalign.core.plan import Plan, Step
from gitalign.core.shared_conflicts import Stop, shared_conflicts
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.analysis.after_run import merged_again
from gitalign.engine.analysis.alignable_point import with_furthest
from gitalign.engine.analysis.conflict_inspector import ConflictInspector
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.merge_culprit import Question, brought_in
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.errors import UserError
from gitalign.git.history import load_graph

_MOST_SHARED = 500
_BUDGET_SHARE = 0.2
"""Of the time that everything before took: for looking into merges."""
_LEAST_BUDGET_S = 1.0


def find_conflicts(
    context: AnalysisContext, plan: Plan, graph: CommitGraph, *, branch: str | None, furthest: bool
) -> Conflicts:
    """Every conflict that a run of the plan would meet, grouped by conflict signature.

    Args:
        context: what it works with. Detectors refuse branches that do not conflict; here they would only cost time.
        plan: whose branches.
        graph: history behind them.
        branch: report everything about this one.
        furthest: find out how far each aligns; where one branch is asked for, of that one alone.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    _require_branch(plan, branch)
    began = time.monotonic()
    with DryRun(context, plan, graph) as dry_run:
        results = dry_run.results
        if furthest:
            asked = [one for one in results if branch is None or one.branch == branch]
            by_step = {one.step_id: one for one in with_furthest(dry_run.integration, plan, asked, context)}
            results = tuple(by_step.get(one.step_id, one) for one in results)
        stopped = {
            step.branch.name: (step, result.outcome)
            for step, result in zip(plan.steps, results, strict=True)
            if isinstance(result.outcome, Conflicted)
        }
        share_s = max(_LEAST_BUDGET_S, _BUDGET_SHARE * (time.monotonic() - began))
        culprits = brought_in(
            dry_run.integration,
            _questions(stopped.values()),
            budget_s=share_s if branch is None else context.limits.branch_timeout_s,
            cache=context.cache,
            stop=context.stop,
            at=context.at,
        )
        inspector = ConflictInspector(dry_run.integration, context.stop, emit=context.emit, keeps_hunks=False)
        stops, pieces = inspector.stops([step for step, _ in stopped.values()], context.cache, at=context.at)
        found = _branch_conflicts(stopped, stops, culprits)
        asked_for = next((one for name, one in stopped.items() if name == branch), None)
        shared = shared_conflicts(stops, pieces)
        detail = inspector.detail(*asked_for) if asked_for is not None else None
    was_cancelled = any(isinstance(one.outcome, Cancelled) for one in results)
    return Conflicts(
        targets=plan.targets,
        groups=grouped(found),
        shared=shared[:_MOST_SHARED],
        shared_left_out=max(0, len(shared) - _MOST_SHARED),
        branches=found,
        detail=detail,
        aligned=len(plan.steps) - len(found),
        is_complete=not context.stop.stop_requested and not was_cancelled,
    )


def _require_branch(plan: Plan, branch: str | None) -> None:
    if branch is not None and all(step.branch.name != branch for step in plan.steps):
        left_out = next((one.reason for one in plan.excluded if one.branch == branch), None)
        words = f"{branch} is left out: {left_out}" if left_out else f"there is no branch {branch!r} to align"
        raise UserError(words, hint="git align plan -v")


def _branch_conflicts(
    stopped: Mapping[BranchName, tuple[Step, Conflicted]],
    stops: Mapping[str, Stop],
    culprits: Mapping[str, MergeCulprit | Undetermined],
) -> tuple[BranchConflict, ...]:
    return tuple(
        BranchConflict(
            branch=name,
            target=step.target.name,
            tip=step.seen,
            kind=step.kind,
            signature=stops[name].signature if name in stops else "",
            conflict=conflict,
            merge_culprit=culprits.get(name),
        )
        for name, (step, conflict) in sorted(stopped.items())
    )


def _questions(stopped: Iterable[tuple[Step, Conflicted]]) -> list[Question]:
    """Branches that stop at a merge of their target's line."""
    return [
        Question(step, conflict.alignable_point)
        for step, conflict in stopped
        if isinstance(conflict.alignable_point, AlignablePoint) and conflict.alignable_point.is_merge
    ]


def look_at_conflict(context: AnalysisContext, plan: Plan, conflict: BranchConflict) -> ConflictDetail:
    """All about one conflict that `find_conflicts` found, without looking for the others again.

    Args:
        context: what it works with.
        plan: what the conflicts were found for.
        conflict: one of them.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    step = next((step for step in plan.steps if step.branch.name == conflict.branch), None)
    if step is None:
        raise UserError(f"there is no branch {conflict.branch!r} to align", hint="git align plan -v")
    graph = load_graph(context.repository, [step.seen, step.onto])

    def inspected(integration: IntegrationContext) -> ConflictDetail:
        return ConflictInspector(integration, context.stop).detail(step, conflict.conflict)

    return merged_again(context, plan, graph, inspected)
