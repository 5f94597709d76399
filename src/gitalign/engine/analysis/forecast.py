"""Foreseeing: a run stopped before it publishes, for the targets of the plan or for any others. Nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gitalign.core.branch import ListedBranch
from gitalign.core.forecast import BranchForecast, Forecast, foresee
from gitalign.core.graph import CommitGraph
from gitalign.core.outcome import StepResult
from gitalign.core.outlook import Outlook, StoppedWork
from gitalign.core.pair_conflicts import PairConflictMap
from gitalign.core.plan import Plan, Target
from gitalign.core.planning import build_plan
from gitalign.core.policy import Limits
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
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError
from gitalign.git.in_quarantine import GuardedMemory
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Sockets, VerdictMemory


def forecast(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    *,
    against: Sequence[str],
    pairs: bool,
    furthest: bool = False,
    stops: bool = False,
    limits: Limits,
    sockets: Sockets,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> Outlook:
    """What a run of the plan would come to, and what would become of its branches on other targets.

    What a hosting service has of the repository is not looked up here.

    Args:
        repository: the repository.
        plan: what a run would do.
        graph: history behind all branches and targets.
        against: names of targets to try every branch on; empty for the plan's own assignment.
        pairs: whether to find out, too, which branches clash with one another.
        furthest: whether to find out, too, how far conflicting branches align.
        stops: whether to find out, too, which branches stop at the same clash.
        limits: bounds, as for a run.
        sockets: configured plug-ins.
        memory: conflicts found before; new ones are added.
        emit: the event stream.
        stop: the stop button.
        at: committer date for the commits that are thrown away.

    Raises:
        UserError: unknown target.
        GitError, OutOfSpace
    """
    wanted = _targets(plan, against)
    assigned: dict[str, str] = {step.branch.name: step.target.name for step in plan.steps}
    found: list[BranchForecast] = []
    maps: list[PairConflictMap] = []
    merged: set[str] = set()
    squashed: set[str] = set()
    stopped: list[StoppedWork] = []
    for one in [plan] if not against else [_all_onto(plan, graph, target) for target in wanted]:
        with DryRun(repository, one, graph, limits, sockets, memory, emit, stop, at) as trial:
            results = trial.results
            if furthest:
                results = with_furthest(trial.workshop, one, results, memory=memory, emit=emit, stop=stop, at=at)
            if pairs:
                maps.append(find_pair_conflicts(trial, with_partial=True))
            if stops:
                stopped.append(_stopped(trial, results, memory, emit=emit, stop=stop, at=at))
        found += foresee(one, results, assigned=assigned)
        own = {target.name for target in one.targets}
        merged.update(name for name in merged_branches(one) if assigned.get(name) in own)
        squashed.update(name for name in squashed_branches(one, results) if assigned.get(name) in own)
    clashes = [clash for one in maps for clash in one.clashes]
    named = People(repository, plan, graph, wanted, clashes)
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
        is_complete=not stop.stop_requested,
        notices=sockets.notices,
    )
    return Outlook(
        forecast=made,
        stopped=joined(stopped),
        merged=tuple(sorted(merged)),
        squashed=tuple(sorted(squashed)),
        remotes=remotes_of(plan),
    )


def _stopped(
    trial: DryRun,
    results: Sequence[StepResult],
    memory: VerdictMemory,
    *,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
) -> StoppedWork:
    guarded = GuardedMemory(memory, trial.workshop.quarantine)
    return stopped_work(trial.workshop, stopped_steps(trial.plan, results), guarded, emit=emit, stop=stop, at=at)


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
