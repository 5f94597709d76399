"""Foreseeing: a run stopped before it publishes, for the targets of the plan or for any others. Nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitalign.core.branch import ListedBranch
from gitalign.core.forecast import BranchForecast, Forecast, foresee
from gitalign.core.graph import CommitGraph
from gitalign.core.outlook import Outlook, StoppedWork
from gitalign.core.pair_conflicts import PairConflictMap
from gitalign.core.plan import Plan, Target
from gitalign.core.planning import build_plan
from gitalign.engine.analysis.alignable_point import with_furthest
from gitalign.engine.analysis.authors import People
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.analysis.pairs import find_pair_conflicts
from gitalign.engine.analysis.stopped import (
    joined,
    merged_branches,
    remotes_of,
    squashed_branches,
    stopped_steps,
    stopped_work,
)
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.errors import UserError
from gitalign.git.in_quarantine import GuardedCache


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """What is to be found out.

    Attributes:
        against: names of targets to try every branch on; empty for the plan's own assignment.
        pairs: which branches conflict with one another.
        furthest: how far conflicting branches align.
        stops: which branches stop at the same conflict.
    """

    against: Sequence[str] = ()
    pairs: bool = False
    furthest: bool = False
    stops: bool = False


def forecast(context: AnalysisContext, plan: Plan, graph: CommitGraph, request: ForecastRequest) -> Outlook:
    """What a run of the plan would come to, and what would become of its branches on other targets.

    What a hosting service has of the repository is not looked up here.

    Args:
        context: what it works with.
        plan: what a run would do.
        graph: history behind all branches and targets.
        request: what is to be found out.

    Raises:
        UserError: unknown target.
        GitError, OutOfSpace
    """
    against = request.against
    wanted = _targets(plan, against)
    assigned: dict[str, str] = {step.branch.name: step.target.name for step in plan.steps}
    found: list[BranchForecast] = []
    maps: list[PairConflictMap] = []
    merged: set[str] = set()
    squashed: set[str] = set()
    stopped: list[StoppedWork] = []
    for one in [plan] if not against else [_all_onto(plan, graph, target) for target in wanted]:
        with DryRun(context, one, graph) as dry_run:
            results = dry_run.results
            if request.furthest:
                results = with_furthest(dry_run.integration, one, results, context)
            if request.pairs:
                maps.append(find_pair_conflicts(dry_run, with_partial=True))
            if request.stops:
                guarded = replace(context, cache=GuardedCache(context.cache, dry_run.integration.quarantine))
                stopped.append(stopped_work(dry_run.integration, stopped_steps(one, results), guarded))
        found += foresee(one, results, assigned=assigned)
        own = {target.name for target in one.targets}
        merged.update(name for name in merged_branches(one) if assigned.get(name) in own)
        squashed.update(name for name in squashed_branches(one, results) if assigned.get(name) in own)
    clashes = [clash for one in maps for clash in one.clashes]
    named = People(context.repository, plan, graph, wanted, clashes)
    made = Forecast(
        targets=wanted,
        branches=tuple(found),
        excluded=plan.excluded,
        owners=named.owners(),
        pairs=tuple(count for one in maps for count in one.counts),
        clashes=tuple(map(named.with_commits, clashes)),
        contests=tuple(contest for one in maps for contest in one.contests),
        unmerged=tuple(pair for one in maps for pair in one.unmerged),
        commits=named.notes(),
        is_complete=not context.stop.stop_requested,
        notices=context.plugins.notices,
    )
    return Outlook(
        forecast=made,
        stopped=joined(stopped),
        merged=tuple(sorted(merged)),
        squashed=tuple(sorted(squashed)),
        remotes=remotes_of(plan),
    )


def _targets(plan: Plan, against: Sequence[str]) -> tuple[Target, ...]:
    known: dict[str, Target] = {target.name: target for target in plan.targets}
    for name in against:
        if name not in known:
            raise UserError(
                f"unknown target {name!r}; there are {', '.join(known) or 'none'}",
                hint="name targets in the configuration: alignment.targets",
            )
    return tuple(known[name] for name in dict.fromkeys(against)) if against else plan.targets


def _all_onto(plan: Plan, graph: CommitGraph, target: Target) -> Plan:
    """The plan that gives every branch of a plan to one target."""
    listed = [
        ListedBranch(index=number, name=step.branch.name, target=target.name, reason="forecast")
        for number, step in enumerate(plan.steps)
    ]
    made = build_plan(plan.snapshot, graph, policy=plan.policy, targets=plan.targets, listed=listed)
    return replace(made, targets=(target,))
