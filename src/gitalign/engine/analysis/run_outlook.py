"""What can be said of a finished run beside its report: whose the branches are, and which of them stop at the same clash. Nothing moves."""

from __future__ import annotations

from dataclasses import replace

from gitalign.core.outlook import Aftermath, StoppedWork
from gitalign.core.report import Report
from gitalign.core.run import RunKind
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.analysis.after_run import merged_again
from gitalign.engine.analysis.authors import People
from gitalign.engine.analysis.stopped import merged_branches, remotes_of, squashed_branches, stopped_steps, stopped_work
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.git.history import load_graph
from gitalign.git.in_quarantine import GuardedCache


def aftermath(context: AnalysisContext, report: Report, *, budget_s: float) -> Aftermath:
    """What can be said of a run. What a hosting service has of the repository is not looked up here.

    Args:
        context: what it works with.
        report: of the run.
        budget_s: seconds after which no further branch that stops is looked at.

    Raises:
        GitError, OutOfSpace
    """
    repository = context.repository
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

    def looked_at(integration: IntegrationContext) -> StoppedWork:
        guarded = replace(context, cache=GuardedCache(context.cache, integration.quarantine))
        return stopped_work(integration, stopped, guarded, budget_s=budget_s)

    return replace(made, stopped=merged_again(context, plan, graph, looked_at))
