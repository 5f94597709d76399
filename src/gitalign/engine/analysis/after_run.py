"""Merging again what a finished run could not: for those who ask afterwards. Nothing moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from gitalign.core.graph import CommitGraph
from gitalign.core.outcome import Conflicted, StepResult
from gitalign.core.plan import Plan
from gitalign.core.report import Report
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.analysis.alignable_point import with_furthest
from gitalign.engine.analysis.bisector import THROWN_AWAY
from gitalign.engine.analysis.dry_run import PREFIX
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.git.history import load_graph
from gitalign.git.in_quarantine import GuardedCache, in_quarantine
from gitalign.git.merge import MergeWire, Wire
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import ActivePlugins

T = TypeVar("T")


def merged_again(
    context: AnalysisContext, plan: Plan, graph: CommitGraph, work: Callable[[IntegrationContext], T]
) -> T:
    """What `work` finds out in a context for merges beyond a run, whose quarantine is gone afterwards.

    Where objects in memory are lost meanwhile, all of it is done again on disk.

    Raises:
        GitError, OutOfSpace
    """

    def within(quarantine: Quarantine) -> T:
        integration = IntegrationContext(
            quarantine=quarantine,
            wire=MergeWire(Wire.SINGLE),  # lanes look for a better one when they are needed
            graph=graph,
            upstream=UpstreamIndex.build(context.repository, graph, []),
            attributes={},
            policy=plan.policy,
            limits=context.limits,
            rules=THROWN_AWAY,
            plugins=ActivePlugins(),
            look_up={},
            verdict_keys={},
            documents_dir="",
            jitter=context.surroundings.jitter,
        )
        found = work(integration)
        quarantine.require_memory()
        return found

    return in_quarantine(context.repository, PREFIX + context.surroundings.token(6), within)


def report_with_furthest(
    context: AnalysisContext, report: Report, *, branches: Sequence[str] | None, only_cached: bool
) -> Report:
    """The report, with how far its conflicting branches align.

    Args:
        context: what it works with.
        report: of a run.
        branches: names of those asked for; all when None.
        from_memory_only: merge nothing; what was never found before stays unknown.

    Raises:
        GitError, OutOfSpace
    """
    asked = {result.step_id for result in report.results if _is_asked(result, branches)}
    if not asked:
        return report
    plan = report.plan
    steps = [step for step in plan.steps if step.id in asked]
    graph = load_graph(context.repository, [*(step.seen for step in steps), *(step.onto for step in steps)])

    def looked_for(integration: IntegrationContext) -> Sequence[StepResult]:
        return with_furthest(
            integration,
            plan,
            [result for result in report.results if result.step_id in asked],
            replace(context, cache=GuardedCache(context.cache, integration.quarantine)),
            only_cached=only_cached,
        )

    results = merged_again(context, plan, graph, looked_for)
    by_step = {result.step_id: result for result in results}
    return replace(report, results=tuple(by_step.get(result.step_id, result) for result in report.results))


def _is_asked(result: StepResult, branches: Sequence[str] | None) -> bool:
    return (
        isinstance(result.outcome, Conflicted)
        and result.outcome.alignable_point is None
        and (branches is None or result.branch in branches)
    )
