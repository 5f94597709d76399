"""Ordering: the forecast and its clash map turned into batches that were really merged together. Nothing moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from gitalign.core.conflict import Conflict
from gitalign.core.execution_plan import ExecutionBatch, Held, HeldCode, PredictedConflict
from gitalign.core.graph import CommitGraph
from gitalign.core.names import display
from gitalign.core.outcome import NOTHING_OWN, Aligned, Conflicted, Failed, Refused, Skipped, Unchanged
from gitalign.core.pair_conflicts import Basis, PairConflict, UnmergedPair
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.engine.analysis.branch_preview import BranchPreview
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.pairs import find_pair_conflicts
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.landing.advice import advice_on, tags_of
from gitalign.landing.batch_merge import UNMERGED, kept_apart, stopping_jointly
from gitalign.landing.execution_plan import ExecutionPlan
from gitalign.landing.landing_order import Contender, Landing, batches, check_dependencies, choose_order, count_stops


def order(
    context: AnalysisContext, plan: Plan, graph: CommitGraph, *, dependencies: Mapping[str, Sequence[str]]
) -> ExecutionPlan:
    """In which order and with which others the branches of a plan should land.

    Args:
        context: what it works with.
        plan: the plan.
        graph: history behind it.
        dependencies: branch -> branches that must land before it, besides stacks.

    Raises:
        UserError: dependencies go round in a circle.
        GitError, OutOfSpace
    """
    before, missing = _dependencies(plan, dependencies)
    check_dependencies([*before, *missing])
    with DryRun(context, plan, graph) as dry_run:
        conflict_map = find_pair_conflicts(dry_run, with_partial=False)
        # Whether two clash that git cannot merge is not known: they land apart, and the second stops.
        clashes = [*conflict_map.clashes, *map(_unknown, conflict_map.unmerged)]
        standing, held = _sorted_out(dry_run, before)
        names = frozenset(standing)
        pairs = [(clash.one, clash.other) for clash in clashes if {clash.one, clash.other} <= names]
        inside = [pair for pair in before if names.issuperset(pair)]
        contenders = [Contender(name, one.step.branch.priority) for name, one in standing.items()]
        landing = choose_order(contenders, pairs, inside)
        apart = kept_apart(dry_run, standing, landing, pairs)
        made = batches(landing.order, [*pairs, *apart], landing.after)
        jointly = stopping_jointly(dry_run, standing, made, pairs)
    found = _Landable(
        standing=standing,
        held=held,
        landing=landing,
        batches=made,
        clashes=clashes,
        apart=apart,
        jointly=jointly,
        before=inside,
    )
    notices, is_complete = context.plugins.notices, not context.stop.stop_requested
    return _execution_plan(plan, found, missing=missing, notices=notices, is_complete=is_complete)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landable:
    """What landing was found to need.

    Attributes:
        standing: branches that can land, by name.
        held: the others.
        landing: the order of the former.
        batches: what lands together.
        clashes: pairs of branches that conflict.
        apart: pairs that do not and must not land together either.
        jointly: branches that stop at several others together.
        before: (first, then) of stacks and of the configuration.
    """

    standing: Mapping[str, BranchPreview]
    held: Sequence[Held]
    landing: Landing
    batches: Sequence[Sequence[str]]
    clashes: Sequence[PairConflict]
    apart: Sequence[tuple[str, str]]
    jointly: Sequence[PredictedConflict]
    before: Sequence[tuple[str, str]]


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


def _sorted_out(dry_run: DryRun, before: Sequence[tuple[str, str]]) -> tuple[dict[str, BranchPreview], list[Held]]:
    """Branches that can land, by name, and the others."""
    by_step = {result.step_id: result.outcome for result in dry_run.results}
    known = {one.name: one for target in dry_run.plan.targets for one in dry_run.standing(target)}
    standing: dict[str, BranchPreview] = {}
    held: dict[str, Held] = {}
    for step in sorted(dry_run.plan.steps, key=lambda one: one.branch.name):
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


def _execution_plan(
    plan: Plan,
    found: _Landable,
    *,
    missing: Sequence[tuple[str, str]],
    notices: Sequence[str],
    is_complete: bool,
) -> ExecutionPlan:
    order = found.landing.order
    place = {name: at for at, name in enumerate(order)}
    jointly = {(one.first, one.second) for one in found.jointly}
    apart = [pair for pair in found.apart if not {pair, pair[::-1]} & jointly]
    predicted = _in_order([*_predicted(found.standing, found.clashes, apart, place), *found.jointly], place)
    pairs = [(one.first, one.second) for one in predicted if not one.jointly]
    number = {name: at for at, batch in enumerate(found.batches) for name in batch}
    chain: nx.DiGraph[str] = nx.DiGraph()
    chain.add_nodes_from(order)
    chain.add_edges_from((first, name) for name, firsts in found.landing.after.items() for first in firsts)
    final = sorted(order, key=lambda name: (number[name], place[name]))
    stops = count_stops(final, pairs)
    parallel = sum(len(batch) > 1 for batch in found.batches)
    return ExecutionPlan(
        plan_id=plan.id,
        batches=_execution_batches(found, predicted, number),
        held=tuple(found.held),
        order=tuple(final),
        predicted_conflicts=tuple(predicted),
        advice=advice_on(final, pairs, found.before),
        stops=stops + len(found.jointly),
        least_stops=min(found.landing.least_stops, stops),
        dependencies=tuple(found.before),
        critical_path=tuple(nx.dag_longest_path(chain)) if order else (),
        tags=tags_of(found.standing, found.held, [*pairs, *jointly]),
        metadata={
            "total_tasks": len(final),
            "total_batches": len(found.batches),
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


def _execution_batches(
    found: _Landable, predicted: Sequence[PredictedConflict], number: Mapping[str, int]
) -> tuple[ExecutionBatch, ...]:
    """Batches with what they wait for and what will conflict in them; `number` is the batch of each branch."""
    needs: dict[int, set[int]] = defaultdict(set)
    for name, firsts in found.landing.after.items():
        needs[number[name]] |= {number[first] for first in firsts}
    for one in predicted:
        late, early = sorted((number[one.first], number[one.second]), reverse=True)
        if late != early:
            needs[late].add(early)
    return tuple(
        ExecutionBatch(
            batch_id=at,
            members=tuple(batch),
            can_parallel=len(batch) > 1,
            depends_on=tuple(sorted(needs[at])),
            predicted_conflicts=tuple(one for one in predicted if max(number[one.first], number[one.second]) == at),
            metadata={"targets": _by_target(found.standing, batch)},
        )
        for at, batch in enumerate(found.batches)
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
