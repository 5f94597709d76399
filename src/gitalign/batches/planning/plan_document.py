"""Batch plans as documents: the fields of the original requests, and ours beside them.

A plan of another tool has no tasks that say how they are run; such a plan is read, shown and judged, and its tasks come from
a task list beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gitalign.batches.planning.checks import nearest
from gitalign.batches.planning.foresight_document import ForesightDocument, foresight_content, from_earlier_runs_of
from gitalign.batches.planning.plan import (
    BatchPlan,
    ConflictType,
    ExecutionMode,
    FileConflict,
    IssueCode,
    Mode,
    PlanIssue,
    PlannedBatch,
)
from gitalign.batches.planning.read_tasks import task_list_of
from gitalign.batches.planning.task_list_format import Id, TaskListDocument, document_of
from gitalign.batches.planning.tasks import TaskId, TaskList, TaskListError
from gitalign.configuration.model_faults import model_faults
from gitalign.documents.formats import is_newer_minor, opened, stamped
from gitalign.documents.reading import Malformed

FORMAT = "batch-plan"
_AS_WRITTEN = "the plan says so"
_STRICT = ConfigDict(extra="forbid", frozen=True)
Number = Annotated[int, Field(ge=0, strict=True)]


class ConflictDocument(BaseModel):
    """Tasks that are expected to change the same files."""

    model_config = _STRICT
    task_ids: list[Id]
    predicted_files: list[str]
    conflict_type: ConflictType


class BatchDocument(BaseModel):
    """One batch."""

    model_config = _STRICT
    batch_id: Number
    task_ids: list[Id]
    can_parallel: bool = True
    depends_on: list[Number] = []
    estimated_duration: Number | None = None


class IssueDocument(BaseModel):
    """Something to look at."""

    model_config = _STRICT
    code: IssueCode
    message: str


def _as_list(value: Any) -> Any:
    return [] if value is None else value


class PlanDocument(BaseModel):
    """A batch plan. The first six keys are those of the original requests."""

    model_config = _STRICT
    project_id: UUID
    created_at: datetime
    batches: list[BatchDocument]
    worktree_assignments: dict[str, str] = {}
    predicted_conflicts: Annotated[list[ConflictDocument], BeforeValidator(_as_list)] = []
    metadata: dict[str, Any] = {}
    format: str | int | None = None
    version: str = ""
    task_list: TaskListDocument | None = None
    critical_path: list[Id] = []
    validation_issues: list[IssueDocument] = []
    execution_mode: ExecutionMode | None = None
    mode_reason: str = ""
    foresight: ForesightDocument | None = None


def to_dict(plan: BatchPlan) -> dict[str, Any]:
    """The plan as a JSON document. An id that is a whole number is written as a number, as in the original requests."""
    document: dict[str, Any] = {
        "project_id": str(plan.project_id),
        "created_at": plan.created_at.isoformat(),
        "batches": [
            {
                "batch_id": batch.batch_id,
                "task_ids": [_id(one) for one in batch.task_ids],
                "can_parallel": batch.can_parallel,
                "depends_on": list(batch.depends_on),
                "estimated_duration": batch.estimated_duration,
            }
            for batch in plan.batches
        ],
        "worktree_assignments": dict(plan.worktree_assignments),
        "predicted_conflicts": [
            {
                "task_ids": [_id(one) for one in conflict.task_ids],
                "predicted_files": list(conflict.predicted_files),
                "conflict_type": conflict.conflict_type.value,
            }
            for conflict in plan.predicted_conflicts
        ],
        "metadata": dict(plan.metadata),
    }
    if plan.task_list is None and plan.mode is None and not plan.critical_path and not plan.issues:
        return document  # as another tool wrote it
    document = stamped(FORMAT, document) | {
        "task_list": document_of(plan.task_list) if plan.task_list is not None else None,
        "critical_path": [_id(one) for one in plan.critical_path],
        "validation_issues": [{"code": one.code.value, "message": one.message} for one in plan.issues],
        "execution_mode": plan.mode.execution_mode.value if plan.mode is not None else None,
        "mode_reason": plan.mode.reason if plan.mode is not None else "",
    }
    return (
        document
        if plan.from_earlier_runs is None
        else document | {"foresight": foresight_content(plan.from_earlier_runs)}
    )


def _id(one: TaskId) -> TaskId | int:
    return int(one) if one.isascii() and one.isdecimal() and str(int(one)) == one else one


def from_dict(document: Mapping[str, Any], *, name: str = "the plan") -> BatchPlan:
    """Read a plan.

    Args:
        document: of `to_dict`, or the `ExecutionPlan` of the original requests.
        name: of the file, for faults.

    Raises:
        TaskListError: with every fault and its place.
    """
    try:
        known = opened(document, FORMAT)
        if is_newer_minor(known, FORMAT):
            known = {key: value for key, value in known.items() if key in PlanDocument.model_fields}
        read = PlanDocument.model_validate(known)
    except Malformed as error:
        raise TaskListError([f"{name}: {error}"]) from error
    except ValidationError as error:
        faults = model_faults(error, document, PlanDocument, whole="the plan")
        raise TaskListError([f"{name}: {fault}" for fault in faults]) from error
    created = read.created_at if read.created_at.tzinfo is not None else read.created_at.replace(tzinfo=UTC)
    plan = BatchPlan(
        project_id=read.project_id,
        created_at=created,
        batches=tuple(
            PlannedBatch(
                batch_id=one.batch_id,
                task_ids=tuple(one.task_ids),
                can_parallel=one.can_parallel,
                depends_on=tuple(one.depends_on),
                estimated_duration=one.estimated_duration,
            )
            for one in read.batches
        ),
        worktree_assignments=read.worktree_assignments,
        predicted_conflicts=tuple(
            FileConflict(
                task_ids=tuple(one.task_ids),
                predicted_files=tuple(one.predicted_files),
                conflict_type=one.conflict_type,
            )
            for one in read.predicted_conflicts
        ),
        metadata=read.metadata,
        task_list=task_list_of(document["task_list"], name=f"{name}: task_list")
        if read.task_list is not None
        else None,
        critical_path=tuple(read.critical_path),
        issues=tuple(PlanIssue(code=one.code, message=one.message) for one in read.validation_issues),
        mode=Mode(execution_mode=read.execution_mode, reason=read.mode_reason or _AS_WRITTEN)
        if read.execution_mode
        else None,
        from_earlier_runs=from_earlier_runs_of(read.foresight) if read.foresight is not None else None,
    )
    require_consistent(plan, name=name)
    return plan


def with_tasks(plan: BatchPlan, tasks: TaskList, *, name: str = "the plan") -> BatchPlan:
    """A plan with tasks that say how they are run.

    Raises:
        TaskListError: a task of the plan is not in the list, or runs before one that it needs.
    """
    filled = replace(plan, task_list=tasks)
    require_consistent(filled, name=name)
    return filled


def require_consistent(plan: BatchPlan, *, name: str) -> None:
    """Refuse a plan that cannot be run in its own order.

    Raises:
        TaskListError: a task in two batches or unknown, batches that are not numbered from 0, that depend on later ones, or that
            run a task before one that it needs.
    """
    faults: list[str] = []
    batch_of: dict[TaskId, int] = {}
    for number, batch in enumerate(plan.batches):
        if batch.batch_id != number:
            faults.append(f"{name}: batches[{number}].batch_id is {batch.batch_id}: batches are numbered from 0")
        for need in batch.depends_on:
            if need >= number:
                faults.append(f"{name}: batches[{number}].depends_on: {need} is not an earlier batch")
        for task_id in batch.task_ids:
            if task_id in batch_of:
                faults.append(f"{name}: task {task_id} is in batch {batch_of[task_id]} and in batch {number}")
            batch_of[task_id] = number
    if plan.task_list is not None:
        faults += _against_tasks(plan.task_list, batch_of, name)
    if faults:
        raise TaskListError(faults)


def _against_tasks(tasks: TaskList, batch_of: Mapping[TaskId, int], name: str) -> list[str]:
    by_id = tasks.by_id()
    faults = [
        f"{name}: there is no task {task_id}{nearest(task_id, by_id)}" for task_id in batch_of if task_id not in by_id
    ]
    for task_id, number in batch_of.items():
        for need in by_id[task_id].hard_needs if task_id in by_id else ():
            if need not in batch_of:
                faults.append(f"{name}: task {task_id} needs {need}, which is in no batch")
            elif batch_of[need] >= number:
                faults.append(
                    f"{name}: task {task_id} is in batch {number}, and needs {need} of batch {batch_of[need]}"
                )
    return faults


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a batch plan, as kept in `gitalign/schemas/batch-plan.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PlanDocument.model_json_schema()}
