"""Rows of batch runs, and the values they stand for."""

from __future__ import annotations

import json
from typing import Any

from gitalign.core.batch_records import BatchRecord, BatchRunRecord, TaskRecord, WorktreeRecord

_CHANGING = (
    *("status", "execution_mode", "started_at", "finished_at", "current_batch", "completed_batches", "batches_total"),
    *("completed_tasks", "tasks_total", "owner", "body"),
)


def of_run(record: BatchRunRecord) -> dict[str, Any]:
    """Columns of a run that change while it goes on."""
    return {name: getattr(record, name) for name in _CHANGING}


def run_of(row: Any) -> BatchRunRecord:
    """A run of a row that also names its project."""
    return BatchRunRecord(
        id=row.id,
        project_id=row.project_id,
        target=row.target,
        plan_digest=row.plan_digest,
        created_at=row.created_at,
        **{name: getattr(row, name) for name in _CHANGING},
    )


def of_batch(batch: BatchRecord) -> dict[str, Any]:
    """Columns of a batch."""
    return {
        "batch_number": batch.number,
        "status": batch.status,
        "task_ids": json.dumps(batch.task_ids),
        "created_at": batch.created_at,
        "started_at": batch.started_at,
        "completed_at": batch.completed_at,
        "body": batch.body,
    }


def batch_of(row: Any) -> BatchRecord:
    """A batch of a row."""
    return BatchRecord(
        number=row.batch_number,
        status=row.status,
        task_ids=tuple(map(str, json.loads(row.task_ids))),
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        body=row.body,
    )


def of_task(task: TaskRecord) -> dict[str, Any]:
    """Columns of a task."""
    return {
        "position": task.position,
        "id": task.id,
        "batch_number": task.batch,
        "status": task.status,
        "body": task.body,
    }


def task_of(row: Any) -> TaskRecord:
    """A task of a row."""
    return TaskRecord(position=row.position, id=row.id, batch=row.batch_number, status=row.status, body=row.body)


def of_worktree(tree: WorktreeRecord) -> dict[str, Any]:
    """Columns of a work tree, but for whose it is."""
    return {
        "branch_name": tree.branch,
        "worktree_path": tree.path,
        "status": tree.status,
        "merge_commit": tree.merge_commit,
        "created_at": tree.created_at,
        "merged_at": tree.merged_at,
    }


def worktree_of(row: Any) -> WorktreeRecord:
    """A work tree of a row that also has the number of its batch."""
    return WorktreeRecord(
        task_id=row.task_id,
        batch=row.batch_number,
        branch=row.branch_name,
        path=row.worktree_path,
        status=row.status,
        created_at=row.created_at,
        merge_commit=row.merge_commit,
        merged_at=row.merged_at,
    )
