"""Stages of a run, in order: integrate, check, store, publish."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitalign.core.access import AccessRules
from gitalign.core.events import EventKind
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId, command_on, display, is_zero, zero_like
from gitalign.core.outcome import (
    Aligned,
    Failed,
    Refused,
    Skipped,
    StepResult,
    Unchanged,
)
from gitalign.core.plan import Permit, Plan, Step, StepKind
from gitalign.core.publication import Publication
from gitalign.core.push import PushSettings
from gitalign.core.snapshot import Tip
from gitalign.core.validation import ValidationPlan
from gitalign.engine.alignment.integration import build_context, integrate, not_compared
from gitalign.engine.alignment.known_outcomes import keep_outcomes
from gitalign.engine.alignment.read_back import known_of
from gitalign.engine.gates.certify import Drafts, ProofGate
from gitalign.engine.gates.gate import Gate, GateContext, through_gates
from gitalign.engine.gates.gate_list import gates_of
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.held_ahead import HeldAhead, held_ahead
from gitalign.engine.publishing.pins import mark_of
from gitalign.engine.publishing.publish import Results, publish
from gitalign.engine.publishing.pushing import Pusher, standing_publication
from gitalign.engine.run.remote_branches import publication_on_remote
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.space import require_space
from gitalign.git.in_quarantine import GuardedCache, in_quarantine
from gitalign.git.quarantine import Quarantine
from gitalign.git.refs import read_tips

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a run came to, before it is written up.

    Attributes:
        phases: seconds per phase of the run.
        merges: how many merges git made, how many answers were shared, how many needed none.
    """

    results: tuple[StepResult, ...]
    publications: tuple[Publication, ...]
    phases: tuple[tuple[str, float], ...]
    merges: tuple[int, int, int]
    interrupted: bool
    not_compared: tuple[str, ...] = ()
    """Commits that could not be compared for want of an object, each in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a run is to do.

    Attributes:
        plan: the plan.
        history: reads the history behind the plan; it is held only as long as branches are merged, or house rules look at it.
        permit: for exactly this plan.
        guard: decides what must not move.
        given: results that were made elsewhere; they are proved, checked and published like any other.
        rules: the house rules that hold.
        checks: the operator's checks.
        access: which files branches may change; None for all.
        finds_furthest: whether to find out how far conflicting branches align.
        push: the operator's settings about pushing.
        tips: branches as they are now, read just before; None to read them. What moves after is held back when it is published.
    """

    plan: Plan
    history: Callable[[], CommitGraph]
    permit: Permit
    guard: Guard
    given: Mapping[StepId, StepResult] = field(default_factory=dict)
    rules: RepositoryRules | None = None
    checks: ValidationPlan = ValidationPlan()
    access: AccessRules | None = None
    finds_furthest: bool = False
    push: PushSettings = PushSettings()
    tips: Sequence[Tip] | None = None


class _Phases:
    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []
        self._since = time.monotonic()

    def done(self, name: str) -> None:
        now = time.monotonic()
        self.seconds.append((name, now - self._since))
        self._since = now


def execute(run: RunContext, orders: Orders) -> Executed:
    """Carry out a plan. The run is in the journal already; its state is advanced here.

    Raises:
        GitAlignError: when the run as a whole cannot go on. Nothing has moved unless the journal says so.
    """
    repository, plan = run.repository, orders.plan
    require_space(repository)
    already = {**orders.given, **_resolved_beforehand(run, plan, orders.tips)}
    run.checkpoint("quarantine")

    def work(quarantine: Quarantine) -> Executed:
        phases = _Phases()
        cache = GuardedCache(run.journal, quarantine)
        integrated = _integrated(run, orders, quarantine, already, phases)
        mark = mark_of(run.run_id)
        ahead = until_then.enter_context(held_ahead(repository, plan, integrated.results, mark=mark))
        drafts = Drafts(run.folder)
        until_then.callback(drafts.discard)
        context = GateContext(run=run, plan=plan, quarantine=quarantine, cache=cache)
        gates = _gates(orders, drafts, integrated)
        results = through_gates(integrated.results, gates, context, passed=phases.done)
        results = held_with_what_they_stand_on(plan, results)
        quarantine.require_memory()
        drafts.keep({context.step(one).moved_ref for one in results if isinstance(one.outcome, Aligned)})
        run.checkpoint("results")
        run.journal.record_results(run.run_id, results, plan=plan)
        publications: tuple[Publication, ...] = ()
        is_stopped = run.stop.stop_requested
        if not is_stopped:
            publications = _publish(run, orders, results, quarantine, ahead)
            phases.done("publish")
        return Executed(
            results=results,
            publications=publications,
            phases=tuple(phases.seconds),
            merges=integrated.merges,
            interrupted=is_stopped or run.stop.stop_requested,
            not_compared=integrated.not_compared,
        )

    with ExitStack() as until_then:
        return in_quarantine(repository, run.run_id, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Integrated:
    """What integration leaves for the gates.

    Attributes:
        graph: history behind the plan, kept only where a gate looks at it: the proofs read a history of their own, and two
            of them, with all that was shared for merging, need not be held at once.
        changes: digests of what the branches' own commits change, which the proofs need not read again.
    """

    results: tuple[StepResult, ...]
    merges: tuple[int, int, int]
    not_compared: tuple[str, ...]
    graph: CommitGraph | None
    changes: Mapping[Oid, bytes]


def _integrated(
    run: RunContext,
    orders: Orders,
    quarantine: Quarantine,
    already: Mapping[StepId, StepResult],
    phases: _Phases,
) -> _Integrated:
    """Every step carried to its outcome in the quarantine."""
    plan = orders.plan
    cache = GuardedCache(run.journal, quarantine)
    graph = orders.history()
    context = run.analysis(cache)
    integration = build_context(
        quarantine, plan, graph, context, already=already, documents_dir=run.folder / "summaries"
    )
    phases.done("prepare")
    integrated = integrate(integration, plan, already=already, emit=run.emit, stop=run.stop, packs=True)
    results = integrated.results
    keep_outcomes(cache, integration, plan, results, at=run.started_at)
    phases.done("integrate")
    if orders.finds_furthest or plan.policy.partial:
        from gitalign.engine.analysis.alignable_point import with_furthest

        results = with_furthest(integration, plan, results, context)
        phases.done("furthest")
    if plan.policy.partial:
        from gitalign.engine.run.partial_alignment import taken_partway

        results = taken_partway(run, plan, results, quarantine=quarantine, graph=graph)
        phases.done("partial")
    return _Integrated(
        results=results,
        merges=integrated.merges,
        not_compared=not_compared(integration),
        graph=graph if orders.rules is not None else None,
        changes=integration.upstream.changes,
    )


def _gates(orders: Orders, drafts: Drafts, integrated: _Integrated) -> list[Gate]:
    """What results must pass, in order."""
    first, graph = ProofGate(drafts, integrated.changes), integrated.graph
    return gates_of(first=first, rules=orders.rules, graph=graph, checks=orders.checks, access=orders.access)


def held_with_what_they_stand_on(plan: Plan, results: Sequence[StepResult]) -> tuple[StepResult, ...]:
    """Branches that stand on one that was refused after it had been aligned are not moved either.

    They hold its rewritten commits: moved, they would stand on a branch that no one has.
    """
    outcomes = {result.step_id: result.outcome for result in results}
    held: dict[int, Refused] = {}
    for step in plan.steps:  # a step that stands on others comes after them
        for below in step.depends_on:
            outcome = held.get(below) or outcomes.get(below)
            is_refused = isinstance(outcome, Failed) and outcome.stage in _AFTER_ALIGNING
            if (is_refused or below in held) and isinstance(outcomes.get(step.id), Aligned):
                name = plan.steps[below].branch.name
                held[step.id] = Refused(
                    code="stack_mate_refused",
                    reason=f"it stands on {name}, which is not moved: {getattr(outcome, 'reason', '')}",
                    hint=command_on("git align show last", name),
                )
                break
    return tuple(
        replace(result, outcome=held[result.step_id]) if result.step_id in held else result for result in results
    )


_AFTER_ALIGNING = frozenset({"conserve", "detect", "validate", "document"})


def _resolved_beforehand(run: RunContext, plan: Plan, tips: Sequence[Tip] | None) -> dict[StepId, StepResult]:
    """Steps that need no worker: their branch is in another run's hands, or is not where the plan saw it."""
    now = {tip.ref: tip.oid for tip in (read_tips(run.repository) if tips is None else tips)}
    wanted = [ref for step in plan.steps if step.kind is not StepKind.UP_TO_DATE for ref in {step.ref, step.moved_ref}]
    taken = run.journal.claim(run.run_id, wanted, owner=run.owner, is_alive=run.is_alive)
    resolved: dict[StepId, StepResult] = {}
    for step in plan.steps:
        outcome: Skipped | Refused | None = None
        held = taken.get(step.ref) or taken.get(step.moved_ref)
        if held is not None:
            outcome = Skipped(code="claimed_by_other_run", reason=f"run {held.run_id} is working on it")
        elif reason := _moved_since(step, now):
            outcome = Refused(code="moved_since_plan", reason=reason, hint="git align plan")
        if outcome is not None:
            resolved[step.id] = StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)
    return resolved


def _moved_since(step: Step, now: Mapping[str, Oid]) -> str:
    """What of a step is not where the plan saw it, in words; empty when all is."""
    if step.of_remote is not None:
        return ""  # its lease says so, at the remote itself
    stands = now.get(step.ref)
    if stands is None:
        return "it was deleted since the plan was made"
    if stands != step.seen:
        return f"the plan saw it at {step.seen[:12]}, it is at {stands[:12]} now"
    stands = now.get(step.moved_ref, zero_like(step.seen))
    if step.integration is None or stands == step.moved_from:
        return ""
    was, now_at = ("not there" if is_zero(oid) else f"at {oid[:12]}" for oid in (step.moved_from, stands))
    return f"the plan saw {display(step.integration)} {was}, it is {now_at} now"


def _publish(
    run: RunContext,
    orders: Orders,
    results: Sequence[StepResult],
    quarantine: Quarantine,
    ahead: HeldAhead | None,
) -> tuple[Publication, ...]:
    plan, permit = orders.plan, orders.permit
    steps = {step.id: step for step in plan.steps}
    moves = [
        (steps[StepId(result.step_id)], result.outcome)
        for result in results
        if isinstance(result.outcome, Aligned) and result.outcome.after != result.outcome.before
    ]
    unmoved = {result.step_id for result in results if isinstance(result.outcome, Unchanged)}
    standing = [
        made
        for step in plan.steps
        if permit.push and step.id in unmoved and (made := standing_publication(step)) is not None
    ]
    standing += [publication_on_remote(step, one) for step, one in moves if step.of_remote is not None]
    if not moves and not standing:
        return ()
    known = known_of([one for _, one in moves])

    def store() -> int:
        if not moves:
            return 0
        packs = quarantine.packs.store(
            [aligned.after for _, aligned in moves], known, replaced={aligned.before for _, aligned in moves}
        )
        quarantine.empty()
        run.emit(EventKind.OBJECTS_STORED, branches=len(moves), packs=len(packs))
        return len(packs)

    pusher = Pusher(
        repository=run.repository,
        journal=run.journal,
        run_id=run.run_id,
        settings=orders.push,
        targets=[target.name for target in plan.targets],
        emit=run.emit,
        on_remotes=frozenset(step.moved_ref for step in plan.steps if step.of_remote is not None),
    )
    return publish(
        run,
        Results(
            plan=plan,
            permit=permit,
            aligned=[(step, one) for step, one in moves if step.of_remote is None],
            standing=standing,
            guard=orders.guard,
            store=store,
            push=pusher.forward,
            ahead=ahead,
        ),
    )
