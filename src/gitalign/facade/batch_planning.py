"""Planning of batches: the plan of a file, and what it would do."""

from __future__ import annotations

from dataclasses import replace

from gitalign.batches.planning.make_plan import PlanStrategy
from gitalign.batches.planning.plan import BatchPlan, ExecutionMode, Mode
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.engine.run.session import Request, open_for


def plan_batches(request: Request, source: PlanSource) -> BatchPlan:
    """The plan of a file. Nothing runs.

    Raises:
        TaskListError, GitError
    """
    opened = open_for(request)
    settings = opened.config.batch
    rules = replace(source.rules, strategy=PlanStrategy(settings.strategy))
    plan = read_plan(opened.repository, replace(source, rules=rules), at=opened.now())
    if settings.enabled:
        return plan
    reason = "batch.enabled is false: tasks run one after another"
    return replace(plan, mode=Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason=reason))
