"""Ordering: the forecast and its clash map turned into batches that were really merged together. Nothing moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import networkx as nx

from gitalign.core.conflict import Conflict
from gitalign.core.graph import CommitGraph
from gitalign.core.names import display
from gitalign.core.outcome import NOTHING_OWN, Aligned, Conflicted, Failed, Refused, Skipped, Unchanged
from gitalign.core.pair_conflicts import Basis, PairConflict, UnmergedPair
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.policy import Limits
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.pairs import find_pair_conflicts
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.repository import Repository
from gitalign.landing.batch_merge import UNMERGED, kept_apart, stopping_jointly
from gitalign.landing.execution_plan import (
    Advice,
    ExecutionBatch,
    ExecutionPlan,
    Held,
    HeldCode,
    PredictedConflict,
)
from gitalign.landing.landing_order import Contender, Landing, batches, check_dependencies, choose_order, count_stops
from gitalign.ports import Emitter, Sockets, VerdictMemory

_MOST_ADVICE = 20


def order(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    *,
    dependencies: Mapping[str, Sequence[str]],
    limits: Limits,
    sockets: Sockets,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> ExecutionPlan:
    """In which order and with which others the branches of a plan should land.

    Args:
        repository: the repository.
        plan: the plan.
        graph: history behind it.
        dependencies: branch -> branches that must land before it, besides stacks.
        limits: bounds, as for a run.
        sockets: configured plug-ins.
        memory: conflicts found before.
        emit: the event stream.
        stop: the stop button.
        at: committer date for the commits that are thrown away.

    Raises:
        UserError: dependencies go round in a circle.
        GitError, OutOfSpace
    """
    before, missing = _dependencies(plan, dependencies)
    check_dependencies([*before, *missing])
    with DryRun(repository, plan, graph, limits, sockets, memory, emit, stop, at) as trial:
        found = find_pair_conflicts(trial, with_partial=False)
        # Whether two clash that git cannot merge is not known: they land apart, and the second stops.
        clashes = [*found.clashes, *map(_unknown, found.unmerged)]
        standing, held = _sorted_out(trial, before)
        names = frozenset(standing)
        pairs = [(clash.one, clash.other) for clash in clashes if {clash.one, clash.other} <= names]
        inside = [pair for pair in before if names.issuperset(pair)]
        contenders = [Contender(name, one.step.branch.priority) for name, one in standing.items()]
        landing = choose_order(contenders, pairs, inside)
        apart = kept_apart(trial, standing, landing, pairs)
        made = batches(landing.order, [*pairs, *apart], landing.after)
        jointly = stopping_jointly(trial, standing, made, pairs)
    return _drawn_up(
        plan,
        standing,
        held,
        landing,
        made,
        clashes,
        apart,
        jointly,
        inside,
        missing,
        sockets.notices,
        is_complete=not stop.stop_requested,
    )


def _unknown(pair: UnmergedPair) -> PairConflict:
    told = Conflict(kind=UNMERGED, paths=(), message=pair.reason)
    return PairConflict(
        one=pair.one, other=pair.other, target=pair.target, basis=Basis.ALIGNED, conflicts=(told,), paths=()
    )


def _dependencies(
    plan: Plan, declared: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(first, then) of stacks and of the configuration; and those that name a branch which is not in the plan."""
    known: dict[str, Step] = {step.branch.name: step for step in plan.steps}
    found = {
        (str(plan.steps[parent].branch.name), str(step.branch.name))
        for step in plan.steps
        for parent in step.depends_on
    }
    missing: list[tuple[str, str]] = []
    for then, firsts in declared.items():
        for first in firsts:
            if first in known and then in known:
                found.add((first, then))
            else:
                missing.append((first, then))
    return sorted(found), sorted(missing)


def _sorted_out(trial: DryRun, before: Sequence[tuple[str, str]]) -> tuple[dict[str, BranchPreview], list[Held]]:
    """Branches that can land, by name, and the others."""
    by_step = {result.step_id: result.outcome for result in trial.results}
    known = {one.name: one for target in trial.plan.targets for one in trial.standing(target)}
    standing: dict[str, BranchPreview] = {}
    held: dict[str, Held] = {}
    for step in sorted(trial.plan.steps, key=lambda one: one.branch.name):
        name = step.branch.name

        def hold(code: HeldCode, reason: str, *, step: Step = step) -> None:
            held[step.branch.name] = Held(branch=step.branch.name, target=step.target.name, code=code, reason=reason)

        match by_step[step.id]:
            case Aligned(how=how) if how in NOTHING_OWN:
                hold(HeldCode.NOTHING_TO_LAND, "every commit is in its target")
            case Unchanged(reason=reason) if step.kind is not StepKind.UP_TO_DATE or not step.own_commits:
                hold(HeldCode.NOTHING_TO_LAND, reason)
            case Aligned() | Unchanged() if name in known:
                standing[name] = known[name]
            case Aligned() | Unchanged():
                hold(HeldCode.FAILED, "its files cannot be read")
            case Conflicted() as stopped:
                hold(HeldCode.CONFLICT, f"conflicts with {display(step.target.name)} at {', '.join(stopped.paths[:3])}")
            case Refused(reason=reason):
                hold(HeldCode.REFUSED, reason)
            case Failed(reason=reason) | Skipped(reason=reason):
                hold(HeldCode.FAILED, reason)
            case cancelled:
                hold(HeldCode.CANCELLED, cancelled.reason)
    # In order of dependency, so that waiting spreads from one to the next.
    needs: nx.DiGraph[str] = nx.DiGraph(list(before))
    for then in nx.lexicographical_topological_sort(needs):
        stuck = [
            first
            for first in sorted(needs.predecessors(then))
            if first in held and held[first].code is not HeldCode.NOTHING_TO_LAND
        ]
        if stuck and then in standing:
            step = standing.pop(then).step
            words = f"waits for {', '.join(map(display, stuck))}"
            held[then] = Held(branch=then, target=step.target.name, code=HeldCode.WAITS, reason=words)
    return standing, [held[name] for name in sorted(held)]


def _drawn_up(
    plan: Plan,
    standing: Mapping[str, BranchPreview],
    held: Sequence[Held],
    landing: Landing,
    made: Sequence[Sequence[str]],
    clashes: Sequence[PairConflict],
    apart: Sequence[tuple[str, str]],
    jointly: Sequence[PredictedConflict],
    before: Sequence[tuple[str, str]],
    missing: Sequence[tuple[str, str]],
    notices: Sequence[str],
    *,
    is_complete: bool,
) -> ExecutionPlan:
    place = {name: at for at, name in enumerate(landing.order)}
    told = {(one.first, one.second) for one in jointly}
    apart = [pair for pair in apart if not {pair, pair[::-1]} & told]
    predicted = _in_order([*_predicted(standing, clashes, apart, place), *jointly], place)
    pairs = [(one.first, one.second) for one in predicted if not one.jointly]
    number = {name: at for at, batch in enumerate(made) for name in batch}
    needs: dict[int, set[int]] = defaultdict(set)
    for name, firsts in landing.after.items():
        needs[number[name]] |= {number[first] for first in firsts}
    for one in predicted:
        late, early = sorted((number[one.first], number[one.second]), reverse=True)
        if late != early:
            needs[late].add(early)
    chain: nx.DiGraph[str] = nx.DiGraph()
    chain.add_nodes_from(landing.order)
    chain.add_edges_from((first, name) for name, firsts in landing.after.items() for first in firsts)
    parallel = sum(len(batch) > 1 for batch in made)
    final = sorted(landing.order, key=lambda name: (number[name], place[name]))
    return ExecutionPlan(
        plan_id=plan.id,
        batches=tuple(
            ExecutionBatch(
                batch_id=at,
                members=tuple(batch),
                can_parallel=len(batch) > 1,
                depends_on=tuple(sorted(needs[at])),
                predicted_conflicts=tuple(one for one in predicted if max(number[one.first], number[one.second]) == at),
                metadata={"targets": _by_target(standing, batch)},
            )
            for at, batch in enumerate(made)
        ),
        held=tuple(held),
        order=tuple(final),
        predicted_conflicts=tuple(predicted),
        advice=_advice(final, pairs, before),
        stops=count_stops(final, pairs) + len(jointly),
        least_stops=min(landing.least_stops, count_stops(final, pairs)),
        dependencies=tuple(before),
        critical_path=tuple(nx.dag_longest_path(chain)) if landing.order else (),
        tags=_tags(standing, held, [*pairs, *told]),
        metadata={
            "total_tasks": len(final),
            "total_batches": len(made),
            "parallel_batch_count": parallel,
            "parallel_possible": parallel > 0,
            "conflicts_detected": len(predicted),
            "circular_dependencies": [],
            "missing_dependencies": [list(pair) for pair in missing],
            "planning_mode": "branch_based",
            **({"notices": list(notices)} if notices else {}),
        },
        is_complete=is_complete,
    )


def _predicted(
    standing: Mapping[str, BranchPreview],
    clashes: Sequence[PairConflict],
    apart: Sequence[tuple[str, str]],
    place: Mapping[str, int],
) -> list[PredictedConflict]:
    found = [
        PredictedConflict(
            first=first,
            second=second,
            target=clash.target,
            paths=clash.paths,
            kinds=tuple(sorted({conflict.kind for conflict in clash.conflicts})),
        )
        for clash in clashes
        if clash.one in place and clash.other in place
        for first, second in (sorted((clash.one, clash.other), key=place.__getitem__),)
    ]
    found += [
        PredictedConflict(
            first=first,
            second=second,
            target=standing[second].step.target.name,
            paths=(),
            kinds=(),
            jointly=True,
            is_stop=False,
        )
        for one, other in apart
        for first, second in (sorted((one, other), key=place.__getitem__),)
    ]
    return found


def _in_order(found: Sequence[PredictedConflict], place: Mapping[str, int]) -> list[PredictedConflict]:
    return sorted(found, key=lambda one: (place[one.second], place[one.first], one.jointly))


def _by_target(standing: Mapping[str, BranchPreview], batch: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in batch:
        found[standing[name].step.target.name].append(name)
    return dict(found)


def _advice(
    order: Sequence[str], pairs: Sequence[tuple[str, str]], before: Sequence[tuple[str, str]]
) -> tuple[Advice, ...]:
    """Branches that come late for the sake of others, and what that spares."""
    place = {name: at for at, name in enumerate(order)}
    clashing: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        clashing[one].add(other)
        clashing[other].add(one)
    stops = count_stops(order, pairs)
    needed: nx.DiGraph[str] = nx.DiGraph(list(before))
    found: list[Advice] = []
    for name in order:
        earlier = sorted((other for other in clashing[name] if place[other] < place[name]), key=place.__getitem__)
        if not earlier or (
            name in needed and any(place[one] > place[earlier[0]] for one in nx.ancestors(needed, name))
        ):
            continue
        rest = [other for other in order if other != name]
        sooner = [*rest[: place[earlier[0]]], name, *rest[place[earlier[0]] :]]
        saves = count_stops(sooner, pairs) - stops
        if saves > 0:
            found.append(Advice(first=tuple(earlier), then=name, saves=saves))
    return tuple(sorted(found, key=lambda one: (-one.saves, one.then))[:_MOST_ADVICE])


def _tags(
    standing: Mapping[str, BranchPreview], held: Sequence[Held], pairs: Sequence[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    clashing = {name for pair in pairs for name in pair}
    tags: dict[str, tuple[str, ...]] = {
        name: ("merge-conflict-risk", "tag:sequential_required")
        if name in clashing
        else ("auto-mergeable", "tag:parallel_safe")
        for name in standing
    }
    for one in held:
        if one.code is HeldCode.CONFLICT:
            tags[one.branch] = ("merge-conflict-risk", "tag:sequential_required")
        elif one.code is HeldCode.WAITS:
            tags[one.branch] = ("tag:sequential_required",)
    return dict(sorted(tags.items()))
