"""What a plan would do, as a digest: what a person confirms. And by which digest the runs of the same plan are known."""

from __future__ import annotations

import hashlib
import json

from gitalign.batches.planning.earlier import Layout
from gitalign.batches.planning.plan import BatchPlan, layout_of
from gitalign.batches.planning.task_list_format import document_of


def plan_digest(plan: BatchPlan) -> str:
    """What a plan would do, as 64 hex digits. The plan has tasks."""
    return _digest(plan, layout_of(plan))


def request_digest(plan: BatchPlan) -> str:
    """What was asked for, as 64 hex digits: what the plan would do if nothing were known of earlier runs. The plan has tasks.

    What earlier runs show changes with each run, and with it the batches of the same file. Runs are known by what does not
    change, else the same file would run again. A plan that was edited is known by what it would do.
    """
    known = plan.from_earlier_runs
    if known is None or known.without is None or known.made != layout_of(plan):
        return plan_digest(plan)
    return _digest(plan, known.without)


def _digest(plan: BatchPlan, layout: Layout) -> str:
    assert plan.task_list is not None
    content = {
        "tasks": document_of(plan.task_list),
        "batches": layout.batches,
        "mode": layout.mode,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()
