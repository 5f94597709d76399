"""Batch runs that tests write into journals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from gitalign.core.batch_records import (
    PROJECT_RUN_KEY,
    BatchRecord,
    BatchRunChange,
    BatchRunRecord,
    ProjectRecord,
    TaskRecord,
    WorktreeRecord,
)
from gitalign.ports import Journal
from tests.store.rows import NOON, run_id

PROJECT = "6f1b7a0e-0000-4000-8000-000000000001"
OPEN = ("pending", "running", "cancelled")


def project(project_id: str = PROJECT, **metadata: Any) -> ProjectRecord:
    return ProjectRecord(
        id=project_id, name="café\udce9", local_path="/w/caf\udce9", created_at=NOON, metadata=metadata
    )


def record(number: int = 1, **more: Any) -> BatchRunRecord:
    known: dict[str, Any] = {
        "id": run_id(number),
        "project_id": PROJECT,
        "target": "topic/caf\udce9",
        "plan_digest": "d" * 64,
        "status": "pending",
        "execution_mode": "parallel",
        "created_at": NOON + timedelta(minutes=number),
        "started_at": None,
        "finished_at": None,
        "current_batch": None,
        "completed_batches": 0,
        "batches_total": 2,
        "completed_tasks": 0,
        "tasks_total": 3,
        "owner": "",
        "body": "{}",
    }
    return BatchRunRecord(**{**known, **more})


def batch(number: int, *task_ids: str, **more: Any) -> BatchRecord:
    return BatchRecord(**{"number": number, "status": "pending", "task_ids": task_ids, "created_at": NOON, **more})


def task(position: int, name: str, number: int, status: str = "pending") -> TaskRecord:
    return TaskRecord(position=position, id=name, batch=number, status=status, body=f'{{"n": {position}}}')


def worktree(name: str, number: int, **more: Any) -> WorktreeRecord:
    known = {"task_id": name, "batch": number, "branch": f"batch/{name}", "path": f"/t/{name}", "status": "active"}
    return WorktreeRecord(**{**known, "created_at": NOON, **more})


def new(number: int = 1, **more: Any) -> BatchRunChange:
    return BatchRunChange(
        record=record(number, **more),
        batches=(batch(0, "a", "caf\udce9"), batch(1, "c")),
        tasks=(task(0, "a", 0), task(1, "caf\udce9", 0), task(2, "c", 1)),
    )


def begun(journal: Journal, number: int = 1, **more: Any) -> BatchRunChange:
    """A batch run that was begun, with its project."""
    journal.put_project(project())
    change = new(number, **{"plan_digest": f"{number:064x}", **more})
    assert journal.begin_batch_run(change, plan=f'{{"plan": {number}}}', open_states=OPEN) is None
    return change


def running(change: BatchRunChange, **metadata: Any) -> BatchRunChange:
    """The change that starts the first batch and its first task."""
    return BatchRunChange(
        record=replace(change.record, status="running", started_at=NOON, current_batch=0, owner="me"),
        batches=(batch(0, "a", "caf\udce9", status="running", started_at=NOON),),
        tasks=(task(0, "a", 0, "running"),),
        worktrees=(worktree("a", 0),),
        metadata={PROJECT_RUN_KEY: change.record.id, **metadata},
    )
