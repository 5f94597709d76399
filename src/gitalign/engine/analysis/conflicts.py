"""The conflicts of a plan as they stand: which branches stop at the same clash, and all about one of them. Nothing moves."""

from __future__ import annotations

import time
from datetime import datetime

from gitalign.core.conflict import AlignablePoint
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts, grouped
from gitalign.core.graph import CommitGraph
from gitalign.core.outcome import Cancelled, Conflicted
from gitalign.core.plan import Plan
from gitalign.core.policy import Limits
from gitalign.core.shared_conflicts import shared_conflicts
from gitalign.engine.analysis.after_run import small_workshop
from gitalign.engine.analysis.alignable_point import with_furthest
from gitalign.engine.analysis.conflict_inspector import ConflictInspector
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.merge_culprit import Question, brought_in
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError
from gitalign.git.history import load_graph
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Sockets, VerdictMemory

_MOST_SHARED = 500
_BUDGET_SHARE = 0.2
"""Of the time that everything before took: for looking into merges."""
_LEAST_BUDGET_S = 1.0


def find_conflicts(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    *,
    branch: str | None,
    furthest: bool,
    limits: Limits,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> Conflicts:
    """Every conflict that a run of the plan would meet, grouped by clash.

    Args:
        repository: the repository.
        plan: whose branches.
        graph: history behind them.
        branch: tell all about this one.
        furthest: find out how far each aligns; where one branch is asked for, of that one alone.
        limits: bounds, as for a run.
        memory: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop button.
        at: for the memory.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    if branch is not None and all(step.branch.name != branch for step in plan.steps):
        left_out = next((one.reason for one in plan.excluded if one.branch == branch), None)
        words = f"{branch} is left out: {left_out}" if left_out else f"there is no branch {branch!r} to align"
        raise UserError(words, hint="git align plan -v")
    began = time.monotonic()
    # Detectors refuse branches that do not conflict; here they would only cost time.
    with DryRun(repository, plan, graph, limits, Sockets(), memory, emit, stop, at) as trial:
        results = trial.results
        if furthest:
            asked = [one for one in results if branch is None or one.branch == branch]
            told = with_furthest(trial.workshop, plan, asked, memory=memory, emit=emit, stop=stop, at=at)
            by_step = {one.step_id: one for one in told}
            results = tuple(by_step.get(one.step_id, one) for one in results)
        stopped = {
            step.branch.name: (step, result.outcome)
            for step, result in zip(plan.steps, results, strict=True)
            if isinstance(result.outcome, Conflicted)
        }
        questions = [
            Question(step, conflict.furthest)
            for step, conflict in stopped.values()
            if isinstance(conflict.furthest, AlignablePoint) and conflict.furthest.is_merge
        ]
        budget_s = (
            limits.branch_timeout_s
            if branch is not None
            else max(_LEAST_BUDGET_S, _BUDGET_SHARE * (time.monotonic() - began))
        )
        brought = brought_in(trial.workshop, questions, budget_s=budget_s, memory=memory, stop=stop, at=at)
        sight = ConflictInspector(trial.workshop, stop, emit=emit)
        stops, pieces = sight.stops([step for step, _ in stopped.values()], memory, at=at)
        found = tuple(
            BranchConflict(
                branch=name,
                target=step.target.name,
                tip=step.seen,
                kind=step.kind,
                clash=stops[name].clash if name in stops else "",
                conflict=conflict,
                brought=brought.get(name),
            )
            for name, (step, conflict) in sorted(stopped.items())
        )
        asked_for = next((one for name, one in stopped.items() if name == branch), None)
        shared = shared_conflicts(stops, pieces)
        detail = sight.detail(*asked_for) if asked_for is not None else None
    return Conflicts(
        targets=plan.targets,
        groups=grouped(found),
        shared=shared[:_MOST_SHARED],
        shared_left_out=max(0, len(shared) - _MOST_SHARED),
        branches=found,
        detail=detail,
        aligned=len(plan.steps) - len(found),
        is_complete=not stop.stop_requested and not any(isinstance(one.outcome, Cancelled) for one in results),
    )


def look_at_conflict(
    repository: Repository,
    plan: Plan,
    conflict: BranchConflict,
    *,
    limits: Limits,
    stop: StopSignal,
) -> ConflictDetail:
    """All about one conflict that `find_conflicts` found, without looking for the others again.

    Args:
        repository: the repository.
        plan: what the conflicts were found for.
        conflict: one of them.
        limits: bounds, as for a run.
        stop: the stop button.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    step = next((step for step in plan.steps if step.branch.name == conflict.branch), None)
    if step is None:
        raise UserError(f"there is no branch {conflict.branch!r} to align", hint="git align plan -v")
    graph = load_graph(repository, [step.seen, step.onto])
    with small_workshop(repository, plan, graph, limits) as workshop:
        return ConflictInspector(workshop, stop).detail(step, conflict.conflict)
