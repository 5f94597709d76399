"""Models: a batch plan as the API gives it. Its published schema is made of what reads it, and is the same."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class PredictedConflictDocument(TypedDict):
    """Tasks that are expected to change the same files."""

    task_ids: list[str | int]
    predicted_files: list[str]
    conflict_type: str


class PlannedBatchDocument(TypedDict):
    """One batch."""

    batch_id: int
    task_ids: list[str | int]
    can_parallel: bool
    depends_on: list[int]
    estimated_duration: int | None


class PlanIssueDocument(TypedDict):
    """Something to look at."""

    code: str
    message: str


class BatchPlanDocument(TypedDict):
    """A plan; one of another tool has the first six members alone. `task_list` is as in a file of tasks."""

    project_id: str
    created_at: str
    batches: list[PlannedBatchDocument]
    worktree_assignments: dict[str, str]
    predicted_conflicts: list[PredictedConflictDocument]
    metadata: dict[str, object]
    task_list: NotRequired[dict[str, object] | None]
    critical_path: NotRequired[list[str | int]]
    validation_issues: NotRequired[list[PlanIssueDocument]]
    execution_mode: NotRequired[str | None]
    mode_reason: NotRequired[str]
    foresight: NotRequired[dict[str, object] | None]
