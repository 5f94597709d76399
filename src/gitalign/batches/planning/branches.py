"""Batch plans of branches: what `git align order` found, as a plan in which nothing runs and everything is merged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from gitalign.batches.planning.make_plan import judged
from gitalign.batches.planning.plan import BatchPlan, ConflictType, FileConflict, PlannedBatch
from gitalign.batches.planning.tasks import Need, PlanUnusable, Task, TaskId, TaskList, TaskListError
from gitalign.core.names import display
from gitalign.documents.reading import Malformed
from gitalign.landing.execution_plan import ExecutionPlan


def is_order_plan(document: Any) -> bool:
    """True for the document of `git align order`."""
    return isinstance(document, Mapping) and "order" in document and "held" in document


def plan_of_order(
    document: Mapping[str, Any], *, target: str | None, project_id: UUID, at: datetime, name: str
) -> BatchPlan:
    """The plan of `git align order`, for the branches of one target.

    Args:
        document: of `git align order --json`.
        target: whose branches are taken; None when the plan has one target only.
        project_id: of the repository.
        at: UTC.
        name: of the file, for faults.

    Raises:
        TaskListError: the document cannot be read.
        PlanUnusable: it is about several targets and none is named, or not about the one that is.
    """
    try:
        order = ExecutionPlan.from_dict(document)
    except Malformed as error:
        raise TaskListError([f"{name}: {error}"], hint="git align order --json > plan.json") from error
    chosen, wanted = _wanted(order, target, name=name)
    kept = set(wanted)
    before: dict[TaskId, list[Need]] = {branch: [] for branch in wanted}
    for first, then in order.dependencies:
        if first in kept and then in kept:
            before[then].append(Need(first))
    tasks = tuple(Task(id=branch, branch=branch, needs=tuple(before[branch])) for branch in wanted)
    conflicts = tuple(
        FileConflict(
            task_ids=(one.first, one.second),
            predicted_files=one.paths,
            conflict_type=ConflictType.SAME_FILE if one.paths else ConflictType.POTENTIAL,
        )
        for one in order.predicted_conflicts
        if {one.first, one.second} <= kept
    )
    return judged(
        BatchPlan(
            project_id=project_id,
            created_at=at,
            batches=_batches(order, kept),
            predicted_conflicts=conflicts,
            task_list=TaskList(tasks=tasks, target=chosen),
            critical_path=tuple(one for one in order.critical_path if one in kept),
            metadata={"planning_mode": "branch_based"},
        )
    )


def _wanted(order: ExecutionPlan, target: str | None, *, name: str) -> tuple[str | None, list[str]]:
    """The target, and the branches that land on it, in their order."""
    target_of = _targets(order)
    targets = sorted(set(target_of.values()))
    if target is None and len(targets) > 1:
        raise PlanUnusable(
            f"{name} is about several targets: {', '.join(map(display, targets))}", hint="name one with --target"
        )
    chosen = target if target is not None else (targets[0] if targets else None)
    wanted = [branch for branch in order.order if target_of.get(branch) == chosen]
    if target is not None and not wanted and order.order:
        raise PlanUnusable(f"{name}: no branch lands on {display(target)}", hint=f"targets: {', '.join(targets)}")
    return chosen, wanted


def _batches(order: ExecutionPlan, kept: Collection[str]) -> tuple[PlannedBatch, ...]:
    old = [batch for batch in order.batches if not set(batch.members).isdisjoint(kept)]
    number = {batch.batch_id: at for at, batch in enumerate(old)}
    return tuple(
        PlannedBatch(
            batch_id=number[batch.batch_id],
            task_ids=tuple(one for one in batch.members if one in kept),
            can_parallel=sum(one in kept for one in batch.members) > 1,
            depends_on=tuple(sorted(number[one] for one in batch.depends_on if one in number)),
        )
        for batch in old
    )


def _targets(order: ExecutionPlan) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in order.batches:
        for target, members in batch.metadata.get("targets", {}).items():
            found |= dict.fromkeys(members, target)
    return found
