"""What a plan would do, as a digest: what a person confirms, and by which runs of the same plan are known."""

from __future__ import annotations

import hashlib
import json

from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import to_dict
from gitalign.batches.planning.task_list_format import document_of


def plan_digest(plan: BatchPlan) -> str:
    """What a plan would do, as 64 hex digits. The plan has tasks."""
    assert plan.task_list is not None
    content = {
        "tasks": document_of(plan.task_list),
        "batches": [[batch.task_ids, batch.can_parallel] for batch in plan.batches],
        "mode": to_dict(plan).get("execution_mode"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()
