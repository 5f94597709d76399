"""Merging again what a finished run could not: for those who ask afterwards. Nothing moves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from gitalign.core.graph import CommitGraph
from gitalign.core.outcome import Conflicted, StepResult
from gitalign.core.plan import Plan
from gitalign.core.policy import Limits
from gitalign.core.report import Report
from gitalign.engine.alignment.align import IntegrationContext
from gitalign.engine.analysis.alignable_point import THROWN_AWAY, with_furthest
from gitalign.engine.analysis.dry_run import PREFIX
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git.history import load_graph
from gitalign.git.in_quarantine import GuardedMemory
from gitalign.git.merge import MergeWire, Wire
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import Repository
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import Emitter, Sockets, VerdictMemory


@contextmanager
def small_workshop(
    repository: Repository, plan: Plan, graph: CommitGraph, limits: Limits
) -> Iterator[IntegrationContext]:
    """A workshop for merges beyond a run, with a quarantine that is gone afterwards.

    Raises:
        GitError, OutOfSpace
    """
    quarantine = Quarantine(repository, PREFIX + secrets.token_hex(6))
    try:
        yield IntegrationContext(
            quarantine=quarantine,
            wire=MergeWire(Wire.SINGLE),  # lanes look for a better one when they are needed
            graph=graph,
            upstream=UpstreamIndex.build(repository, graph, []),
            attributes={},
            policy=plan.policy,
            limits=limits,
            rules=THROWN_AWAY,
            sockets=Sockets(),
            remembered={},
            verdict_keys={},
            documents_dir="",
        )
    finally:
        quarantine.remove()


def report_with_furthest(
    repository: Repository,
    report: Report,
    *,
    branches: Sequence[str] | None,
    limits: Limits,
    memory: VerdictMemory,
    emit: Emitter,
    stop: StopSignal,
    at: datetime,
    from_memory_only: bool,
) -> Report:
    """The report, with how far its conflicting branches align.

    Args:
        repository: the repository.
        report: of a run.
        branches: names of those asked for; all when None.
        limits: bounds, as for a run.
        memory: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop button.
        at: for the memory.
        from_memory_only: merge nothing; what nobody has found before stays untold.

    Raises:
        GitError, OutOfSpace
    """
    asked = {result.step_id for result in report.results if _is_asked(result, branches)}
    if not asked:
        return report
    plan = report.plan
    steps = [step for step in plan.steps if step.id in asked]
    graph = load_graph(repository, [*(step.seen for step in steps), *(step.onto for step in steps)])
    with small_workshop(repository, plan, graph, limits) as workshop:
        told = with_furthest(
            workshop,
            plan,
            [result for result in report.results if result.step_id in asked],
            memory=GuardedMemory(memory, workshop.quarantine),
            emit=emit,
            stop=stop,
            at=at,
            from_memory_only=from_memory_only,
        )
        workshop.quarantine.require_memory()
    by_step = {result.step_id: result for result in told}
    return replace(report, results=tuple(by_step.get(result.step_id, result) for result in report.results))


def _is_asked(result: StepResult, branches: Sequence[str] | None) -> bool:
    return (
        isinstance(result.outcome, Conflicted)
        and result.outcome.furthest is None
        and (branches is None or result.branch in branches)
    )
