"""A batch run as the store keeps it: what is asked for as columns, everything else in documents."""

from __future__ import annotations

import json
from collections.abc import Iterable

from gitalign.batches.planning.plan_digest import request_digest
from gitalign.batches.planning.plan_document import to_dict
from gitalign.batches.planning.tasks import TaskId, TaskListError
from gitalign.batches.running.project_metadata import metadata_of
from gitalign.batches.running.state import BatchRun, MergeStatus, Status
from gitalign.batches.running.state_document import FORMAT, dump_batch, dump_task, head_of, load
from gitalign.core.batch_records import (
    BatchRecord,
    BatchRunChange,
    BatchRunRecord,
    StoredBatchRun,
    TaskRecord,
    WorktreeRecord,
)
from gitalign.documents.formats import json_text, stamped
from gitalign.documents.reading import Malformed
from gitalign.errors import StoreError


def change_of(run: BatchRun, before: BatchRun | None = None) -> BatchRunChange:
    """What is to be written so that the store has a run as it is now.

    Args:
        run: as it is now.
        before: as the store has it; None when nothing is known of that: all of it is written.
    """
    numbers = [n for n, one in enumerate(run.batches) if before is None or one is not before.batches[n]]
    positions = {task_id: position for position, task_id in enumerate(run.tasks)}
    changed = [one for one in run.tasks if before is None or run.tasks[one] is not before.tasks[one]]
    batch_of = _batch_of(run)
    metadata, known = metadata_of(run), {} if before is None else metadata_of(before)
    has_tasks = run.plan.task_list is not None
    return BatchRunChange(
        record=_record(run, request_digest(run.plan) if before is None and has_tasks else ""),
        batches=tuple(_batch(run, number) for number in numbers),
        tasks=tuple(_task(run, one, positions[one], batch_of[one]) for one in changed),
        worktrees=_worktrees(run, before, numbers, changed),
        metadata={key: value for key, value in metadata.items() if key not in known or known[key] != value},
    )


def plan_text(run: BatchRun) -> str:
    """The plan of a run, as it is stored."""
    return json_text(to_dict(run.plan))


def run_of(stored: StoredBatchRun) -> BatchRun:
    """The run that is stored.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        head = json.loads(stored.record.body)
        document = {
            **head,
            "batches": [json.loads(one.body) for one in stored.batches],
            "tasks": {one.id: json.loads(one.body) for one in stored.tasks},
            "plan": json.loads(stored.plan),
        }
        return load(document)
    except (ValueError, TypeError, Malformed, TaskListError) as error:
        raise StoreError(
            f"what is stored of batch run {stored.record.id} cannot be read: {error}",
            hint="git for-each-ref refs/gitalign lists what it pinned",
        ) from error


def _record(run: BatchRun, digest: str) -> BatchRunRecord:
    return BatchRunRecord(
        id=run.id,
        project_id=str(run.plan.project_id),
        target=run.target,
        plan_digest=digest,
        status=run.status.value,
        execution_mode=run.mode.value,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        current_batch=run.current_batch,
        completed_batches=run.completed_batches,
        batches_total=len(run.batches),
        completed_tasks=sum(one.status is Status.COMPLETED for one in run.tasks.values()),
        tasks_total=len(run.tasks),
        owner=run.owner,
        body=json_text(stamped(FORMAT, head_of(run))),
    )


def _batch(run: BatchRun, number: int) -> BatchRecord:
    one = run.batches[number]
    return BatchRecord(
        number=number,
        status=one.status.value,
        task_ids=run.plan.batches[number].task_ids,
        created_at=run.created_at,
        started_at=one.started_at,
        completed_at=one.finished_at,
        body=json_text(dump_batch(number, one)),
    )


def _task(run: BatchRun, task_id: TaskId, position: int, number: int) -> TaskRecord:
    one = run.tasks[task_id]
    body = json_text(dump_task(one))
    return TaskRecord(position=position, id=task_id, batch=number, status=one.status.value, body=body)


def _batch_of(run: BatchRun) -> dict[TaskId, int]:
    return {task_id: number for number, batch in enumerate(run.plan.batches) for task_id in batch.task_ids}


def _worktrees(
    run: BatchRun, before: BatchRun | None, numbers: Iterable[int], changed: Iterable[TaskId]
) -> tuple[WorktreeRecord, ...]:
    batch_of = _batch_of(run)
    of_batches = [task_id for number in numbers for task_id in run.plan.batches[number].task_ids]
    records = []
    for task_id in dict.fromkeys([*of_batches, *changed]):
        record = _worktree(run, task_id, batch_of[task_id])
        if record is not None and (before is None or record != _worktree(before, task_id, batch_of[task_id])):
            records.append(record)
    return tuple(records)


def _worktree(run: BatchRun, task_id: TaskId, number: int) -> WorktreeRecord | None:
    """The work tree of a task that has one, and what became of the work in it."""
    task, batch = run.tasks[task_id], run.batches[number]
    if not task.tree:
        return None
    outcome = batch.outcome
    has_landed = outcome is not None and outcome.landed is not None and task.status is Status.COMPLETED
    status = "active" if task.status in (Status.RUNNING, Status.COMPLETED) else "abandoned"
    if has_landed:
        status = "merged"
    elif outcome is not None and outcome.merge_status is MergeStatus.CONFLICTS and task.result is not None:
        status = "conflict"
    return WorktreeRecord(
        task_id=task_id,
        batch=number,
        branch=f"batch/{run.id}/{task_id}",
        path=task.tree,
        status=status,
        created_at=task.started_at or run.created_at,
        merge_commit=outcome.landed if has_landed and outcome is not None else None,
        merged_at=batch.finished_at if has_landed else None,
    )
