"""Taking conflicting branches part of the way: as far as they align cleanly, through the same integration, proofs and checks as any other.

A branch that cannot be taken there stays where it is, with the reason. No ref moves here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.conflict import AlignablePoint
from gitalign.core.events import EventKind
from gitalign.core.graph import CommitGraph
from gitalign.core.names import StepId
from gitalign.core.outcome import Aligned, Cancelled, Conflicted, DropReason, Outcome, StepResult
from gitalign.core.plan import Plan, Step
from gitalign.core.policy import AlreadyMerged
from gitalign.engine.alignment.integration import build_context, integrate
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.no_cache import NoCache
from gitalign.engine.runtime.stream import silent
from gitalign.git.quarantine import Quarantine


def taken_partway(
    run: RunContext, plan: Plan, results: Sequence[StepResult], *, quarantine: Quarantine, graph: CommitGraph
) -> tuple[StepResult, ...]:
    """The results, with conflicting branches aligned with the last commit of their target's line onto which they align.

    Args:
        run: the run.
        plan: the plan.
        results: of its steps, with how far each conflicting one aligns.
        quarantine: where objects go.
        graph: history behind the plan.

    Raises:
        GitError, OutOfSpace
    """
    members = Counter(step.stack for step in plan.steps)
    made: dict[int, StepResult] = {}
    steps: list[Step] = []
    for result in results:
        outcome = result.outcome
        if not isinstance(outcome, Conflicted) or not isinstance(outcome.alignable_point, AlignablePoint):
            continue
        step = plan.steps[StepId(result.step_id)]
        if step.integration is not None:
            made[step.id] = _stays(result, outcome, "an integration branch holds all of its target, or is not made")
        elif not outcome.alignable_point.advanced_by:
            made[step.id] = _stays(result, outcome, "it would gain nothing")
        elif members[step.stack] > 1:
            made[step.id] = _stays(result, outcome, "it is part of a stack, which a part of the way would tear")
        elif _would_lose(graph, step, outcome.alignable_point):
            made[step.id] = _stays(
                result, outcome, "it has commits of the target that are not there yet at that commit"
            )
        else:
            steps.append(replace(step, onto=outcome.alignable_point.clean, depends_on=()))
    tried = _tried(run, plan, steps, quarantine, graph)
    by_step = {result.step_id: result for result in results}
    for step, found in zip(steps, tried, strict=True):
        was = by_step[step.id]
        assert isinstance(was.outcome, Conflicted)
        made[step.id] = _taken(was, was.outcome, found)
    if steps:
        moved = sum(isinstance(one.outcome, Aligned) for one in made.values())
        run.emit(EventKind.NOTICE, text=f"{moved} conflicting branches go part of the way")
    return tuple(made.get(result.step_id, result) for result in results)


def _would_lose(graph: CommitGraph, step: Step, furthest: AlignablePoint) -> bool:
    """True when what the branch shares with its target is more than it shares with that commit."""
    return graph.own_count(step.seen, furthest.clean) != graph.own_count(step.seen, step.onto)


def _stays(result: StepResult, outcome: Conflicted, why: str) -> StepResult:
    return replace(result, outcome=replace(outcome, not_moved_reason=why))


def _tried(
    run: RunContext, plan: Plan, steps: Sequence[Step], quarantine: Quarantine, graph: CommitGraph
) -> tuple[StepResult, ...]:
    if not steps:
        return ()
    numbered = tuple(replace(step, id=StepId(number)) for number, step in enumerate(steps))
    # What becomes of each commit is to be known here, also of a branch of which nothing would be left.
    policy = replace(plan.policy, already_merged=AlreadyMerged.FAST_FORWARD)
    partial = replace(plan, steps=numbered, policy=policy)
    # What was found for the target's tip says nothing about older commits of it.
    context = run.analysis(NoCache())
    integration = build_context(quarantine, partial, graph, context, already={}, documents_dir=run.folder / "summaries")
    return integrate(integration, partial, already={}, emit=silent, stop=run.stop).results


def _taken(was: StepResult, stopped: Conflicted, found: StepResult) -> StepResult:
    outcome: Outcome = found.outcome
    if isinstance(outcome, Cancelled):
        return replace(was, outcome=outcome)
    if not isinstance(outcome, Aligned):
        return _stays(was, stopped, getattr(outcome, "reason", f"it ended there as {outcome.kind}"))
    if any(drop.reason is DropReason.BECAME_EMPTY for drop in outcome.dropped):
        # The target may have taken the same change back since; the commit would be lost before anybody saw that.
        return _stays(was, stopped, "some commits would become empty there, but conflict with the current target")
    return replace(
        found,
        step_id=was.step_id,
        outcome=replace(outcome, stopped_by=stopped),
        duration_s=was.duration_s + found.duration_s,
        phases=(*was.phases, *found.phases),
    )
