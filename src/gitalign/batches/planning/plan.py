"""The batch plan: which tasks run side by side, in which order batches follow, and what is foreseen.

Its document has the field names of the original requests (`ExecutionPlan`, `ExecutionBatch`, `FileConflict`), and more beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gitalign.batches.planning.earlier import FromEarlierRuns, Layout
from gitalign.batches.planning.tasks import TaskId, TaskList


class ConflictType(StrEnum):
    """How sure it is that two tasks change the same files."""

    SAME_FILE = "same_file"
    SAME_DIRECTORY = "same_directory"
    POTENTIAL = "potential"


class ExecutionMode(StrEnum):
    """Whether tasks run side by side."""

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


class IssueCode(StrEnum):
    """What is wrong with a plan, though it can be run."""

    EMPTY_BATCH = "empty_batch"
    UNASSIGNED_TASKS = "unassigned_tasks"
    HIGH_CONFLICT_RATE = "high_conflict_rate"
    IGNORED_SOFT_DEPENDENCY = "ignored_soft_dependency"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileConflict:
    """Tasks that are expected to change the same files.

    Attributes:
        predicted_files: paths, or patterns where no path is known.
    """

    task_ids: tuple[TaskId, ...]
    predicted_files: tuple[str, ...]
    conflict_type: ConflictType


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBatch:
    """Tasks that start from the same commit and land together.

    Attributes:
        batch_id: from 0, the position in the plan.
        can_parallel: more than one task, and none is expected to get in the way of another.
        depends_on: batches that hold what its tasks need.
        estimated_duration: seconds; None when not known.
    """

    batch_id: int
    task_ids: tuple[TaskId, ...]
    can_parallel: bool = True
    depends_on: tuple[int, ...] = ()
    estimated_duration: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanIssue:
    """Something a person should look at before the plan is run."""

    code: IssueCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a plan is run, and why."""

    execution_mode: ExecutionMode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What runs when.

    Attributes:
        created_at: UTC.
        batches: in the order in which they run.
        worktree_assignments: names of work trees by task, where the plan says so.
        predicted_conflicts: also between tasks that are in different batches because of it.
        metadata: counts, as the original requests name them, and what a reader of another tool wrote there.
        task_list: the tasks; None in a plan of another tool, which does not say how they are run.
        critical_path: the longest chain of tasks that must run one after another.
        from_earlier_runs: what it owes to earlier runs; None where nothing was known of them.
    """

    project_id: UUID
    created_at: datetime
    batches: tuple[PlannedBatch, ...]
    worktree_assignments: Mapping[TaskId, str] = field(default_factory=dict)
    predicted_conflicts: tuple[FileConflict, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    task_list: TaskList | None = None
    critical_path: tuple[TaskId, ...] = ()
    issues: tuple[PlanIssue, ...] = ()
    mode: Mode | None = None
    from_earlier_runs: FromEarlierRuns | None = None

    @property
    def total_tasks(self) -> int:
        """Tasks in batches."""
        return sum(len(batch.task_ids) for batch in self.batches)

    @property
    def parallel_batches(self) -> tuple[PlannedBatch, ...]:
        """Batches whose tasks can run side by side."""
        return tuple(batch for batch in self.batches if batch.can_parallel)


def layout_of(plan: BatchPlan) -> Layout:
    """Which tasks run together, in which order, and in which mode."""
    return Layout(
        batches=tuple((batch.task_ids, batch.can_parallel) for batch in plan.batches),
        mode=plan.mode.execution_mode.value if plan.mode is not None else None,
    )


def select_mode(plan: BatchPlan) -> Mode:
    """Parallel when a batch can run in parallel, has more than one task, and no critical conflict is foreseen in any such batch.

    A conflict is critical when two tasks of one parallel batch are expected to change the same file.
    """
    able = [batch for batch in plan.batches if batch.can_parallel and len(batch.task_ids) > 1]
    if not able:
        several = any(len(batch.task_ids) > 1 for batch in plan.batches)
        why = "no batch with more than one task can run in parallel" if several else "no batch has more than one task"
        return Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason=why)
    for conflict in plan.predicted_conflicts:
        if conflict.conflict_type is not ConflictType.SAME_FILE:
            continue
        for batch in able:
            if len(set(conflict.task_ids) & set(batch.task_ids)) > 1:
                names = " and ".join(sorted(set(conflict.task_ids) & set(batch.task_ids)))
                files = ", ".join(conflict.predicted_files[:3])
                why = f"critical conflict in batch {batch.batch_id}: {names} change {files or 'the same file'}"
                return Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason=why)
    tasks = max(len(batch.task_ids) for batch in able)
    why = f"{len(able)} of {len(plan.batches)} batches can run in parallel, up to {tasks} tasks side by side"
    return Mode(execution_mode=ExecutionMode.PARALLEL, reason=why)
