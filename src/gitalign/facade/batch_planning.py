"""Planning of batches: the plan of a file, and what it would do."""

from __future__ import annotations

from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.engine.run.session import Request, open_for


def plan_batches(request: Request, source: PlanSource) -> BatchPlan:
    """The plan of a file. Nothing runs.

    Raises:
        TaskListError, GitError
    """
    opened = open_for(request)
    return read_plan(opened.repository, source, at=opened.now())
