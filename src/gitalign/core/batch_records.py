"""What a store keeps of batch runs: columns for what is asked, and documents (`body`) for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PROJECT_RUN_KEY = "parallel_batch_run"
"""In the metadata of a project: the batch run that the other keys are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRunRecord:
    """A batch run.

    Attributes:
        id: as ids of runs.
        project_id: a UUID as text.
        target: branch that results land on.
        plan_digest: what was asked for (`request_digest`); empty where the plan does not say how its tasks are run. Written once.
        status: of the whole, a `batches.running.state.Status`.
        execution_mode: how its tasks are run now.
        current_batch: number of the batch under way, from 0.
        owner: the process that runs it, for people.
        body: a document with everything else but the plan.
    """

    id: str
    project_id: str
    target: str
    plan_digest: str
    status: str
    execution_mode: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    current_batch: int | None
    completed_batches: int
    batches_total: int
    completed_tasks: int
    tasks_total: int
    owner: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One batch.

    Attributes:
        number: position in its plan, from 0.
        task_ids: in the order of the plan.
    """

    number: int
    status: str
    task_ids: tuple[str, ...]
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    body: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One task.

    Attributes:
        position: in its run, from 0.
        batch: number of its batch.
    """

    position: int
    id: str
    batch: int
    status: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorktreeRecord:
    """The work tree of a task, and what became of it.

    Attributes:
        batch: number of the batch.
        branch: as the merge names the result.
        path: of the folder.
        status: `active`, `merged`, `conflict`, `abandoned` or `cleanup`.
        merge_commit: with which the result landed.
    """

    task_id: str
    batch: int
    branch: str
    path: str
    status: str
    created_at: datetime
    merge_commit: str | None = None
    merged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRunChange:
    """What changes of a batch run, all of it or nothing.

    Attributes:
        record: as it is from now on.
        batches, tasks, worktrees: those that change, or are new.
        metadata: of its project: keys that change, with JSON values. Written when `PROJECT_RUN_KEY` is among them, or says
            in the store already that the project's metadata is about this run.
    """

    record: BatchRunRecord
    batches: tuple[BatchRecord, ...] = ()
    tasks: tuple[TaskRecord, ...] = ()
    worktrees: tuple[WorktreeRecord, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatchRun:
    """All that is kept of a batch run."""

    record: BatchRunRecord
    plan: str
    batches: tuple[BatchRecord, ...]
    tasks: tuple[TaskRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRecord:
    """A project: what plans call the repository.

    Attributes:
        id: a UUID as text.
        local_path: of the repository.
        metadata: JSON values.
    """

    id: str
    name: str
    local_path: str
    created_at: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBatch:
    """One batch of a project, with the key by which a database knows it.

    Attributes:
        key: unique among all batches of the database.
        batch_run: id of the run it belongs to; None for one that was only planned.
    """

    key: int
    project_id: str
    batch_run: str | None
    batch: BatchRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWorktree:
    """A work tree, with the key by which a database knows it."""

    key: int
    project_id: str
    worktree: WorktreeRecord
