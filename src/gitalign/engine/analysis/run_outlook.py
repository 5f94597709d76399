"""What can be said of a finished run beside its report: whose the branches are, and which of them stop at the same clash. Nothing moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gitalign.core.outlook import Aftermath, StoppedWork
from gitalign.core.policy import Limits
from gitalign.core.report import Report
from gitalign.core.run import RunKind
from gitalign.engine.analysis.after_run import small_workshop
from gitalign.engine.analysis.authors import People
from gitalign.engine.analysis.stopped import merged_branches, remotes_of, squashed_branches, stopped_steps, stopped_work
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.history import load_graph
from gitalign.git.in_quarantine import GuardedMemory
from gitalign.git.repository import Repository
from gitalign.ports import VerdictMemory


def aftermath(
    repository: Repository,
    report: Report,
    *,
    limits: Limits,
    memory: VerdictMemory,
    stop: StopSignal,
    at: datetime,
    budget_s: float,
) -> Aftermath:
    """What can be said of a run. What a hosting service has of the repository is not looked up here.

    Args:
        repository: the repository.
        report: of the run.
        limits: bounds, as for a run.
        memory: what was found before; new findings are added.
        stop: the stop button.
        at: for the memory.
        budget_s: seconds after which no further branch that stops is looked at.

    Raises:
        GitError, OutOfSpace
    """
    plan = report.plan
    graph = load_graph(repository, {oid for step in plan.steps for oid in (step.seen, step.onto)})
    owners = People(repository, plan, graph, plan.targets, ()).owners()
    if report.run.kind is not RunKind.ALIGN:
        return Aftermath(owners=owners)
    made = Aftermath(
        owners=owners,
        merged=merged_branches(plan),
        squashed=squashed_branches(plan, report.results),
        remotes=remotes_of(plan),
    )
    stopped = stopped_steps(plan, report.results)
    if not stopped:
        return made
    with small_workshop(repository, plan, graph, limits) as workshop:
        guarded = GuardedMemory(memory, workshop.quarantine)
        found: StoppedWork = stopped_work(workshop, stopped, guarded, stop=stop, at=at, budget_s=budget_s)
        workshop.quarantine.require_memory()
    return replace(made, stopped=found)
