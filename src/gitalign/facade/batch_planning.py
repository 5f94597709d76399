"""Planning of batches: the plan of a file, and what it would do."""

from __future__ import annotations

import hashlib
import json

from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import to_dict
from gitalign.batches.planning.task_list_format import document_of
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.engine.run.session import Request, open_for


def plan_batches(request: Request, source: PlanSource) -> BatchPlan:
    """The plan of a file. Nothing runs.

    Raises:
        TaskListError, GitError
    """
    opened = open_for(request)
    return read_plan(opened.repository, source, at=opened.now())


def plan_digest(plan: BatchPlan) -> str:
    """What a plan would do, as 64 hex digits: what a person confirms is known by it."""
    assert plan.task_list is not None
    content = {
        "tasks": document_of(plan.task_list),
        "batches": [[batch.task_ids, batch.can_parallel] for batch in plan.batches],
        "mode": to_dict(plan).get("execution_mode"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()
