"""Models: what the service answers in the words of the original requests. These answers are not stamped with a format."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.batch_plans import BatchPlanDocument


class AskedDocument(TypedDict):
    """Something was asked of a run."""

    status: str
    message: str


class ResumedDocument(AskedDocument):
    """A run goes on, carried out by a job."""

    job: str


class StartedDocument(ResumedDocument):
    """A run was started."""

    project_id: str


class RunningTaskDocument(TypedDict):
    """A task that runs."""

    task_id: str
    started_at: str | None
    attempts: int | None


class ProjectBatchRowDocument(TypedDict):
    """One batch; `batch_number` counts from 1, `batch_id` from 0."""

    batch_number: int
    batch_id: int
    project_id: str
    status: str
    task_ids: list[str | int]
    can_parallel: bool
    depends_on: list[int]
    started_at: str | None
    completed_at: str | None
    created_at: str | None
    merge_status: str | None
    errors: list[str]


class ProjectBatchDocument(TypedDict):
    """One batch."""

    batch: ProjectBatchRowDocument


class ProjectBatchesDocument(TypedDict):
    """Batches of the newest run, else of the plan."""

    batches: list[ProjectBatchRowDocument]
    total_batches: int


class ParallelResultDocument(TypedDict):
    """How a run ended."""

    success: bool
    status: str
    batches_completed: int
    batches_total: int
    stopped_early: bool


class ParallelStatusDocument(TypedDict):
    """How the plan stands, or how its newest run ended."""

    execution_mode: str
    is_running: bool
    is_paused: bool
    parallel_started_at: str | None
    parallel_completed_at: str | None
    batches_total: int
    current_batch: int | None
    completed_batches: int
    execution_plan: BatchPlanDocument | None
    running_agents: list[RunningTaskDocument]
    batch_statuses: list[ProjectBatchRowDocument]
    total_cost: float
    parallel_result: ParallelResultDocument | None
    parallel_error: str | None
    job: str | None
    batch_run: str | None


class SharedWorkTreeDocument(TypedDict):
    """Tasks that share a work tree."""

    worktree: str
    task_ids: list[str]


class ProjectPlanDocument(BatchPlanDocument):
    """The plan of a project, and which tasks share a work tree."""

    epics: list[SharedWorkTreeDocument]


class BatchSummaryDocument(TypedDict):
    """One batch in short."""

    batch_id: int
    task_count: int
    can_parallel: bool
    depends_on: list[int]


class PlanSummaryDocument(TypedDict):
    """A plan in short."""

    project_id: str
    created_at: str
    total_tasks: int
    total_batches: int
    parallel_batches: int
    predicted_conflicts: int
    execution_mode: str | None
    mode_reason: str | None
    issues: list[str]
    batches: list[BatchSummaryDocument]
    metadata: dict[str, object]


class DependencyDocument(TypedDict):
    """What a task needs."""

    task_id: str
    dependency_type: str


class DependenciesDocument(TypedDict):
    """Tasks in the order in which they can run, and what each of them needs."""

    batches: list[list[str]]
    task_order: list[str]
    dependencies: dict[str, list[DependencyDocument]]
    circular_deps: list[str]
    missing_deps: list[str]


class CriticalPathDocument(TypedDict):
    """The longest chain of tasks that must run one after another."""

    critical_path: list[str | int]
    length: int


class WorkTreeDocument(TypedDict):
    """The work tree of an epic."""

    epic_id: int
    path: str
    branch: str
    status: str
    created_at: str | None
    merged_at: str | None


class MessageDocument(TypedDict):
    """What was done."""

    message: str


class EpicConflictDocument(TypedDict):
    """A file in conflict."""

    file: str
    status: str
    details: str


class MergedEpicDocument(TypedDict):
    """An epic was merged; the commit is null where the target had all of it."""

    commit_sha: str | None
    message: str


class SyncedEpicDocument(TypedDict):
    """What taking in the target came to."""

    status: str
    message: str
    conflicts: list[str]
    strategy: str
    run_id: str


class ResolvedEpicDocument(TypedDict):
    """What resolving came to."""

    status: str
    strategy: str
    message: str
    files_resolved: list[str]
    conflicts: list[str]


class FileConflictDocument(TypedDict):
    """One file of one branch."""

    branch: str
    target: str
    file_path: str
    conflict_type: str
    severity: str
    resolution_status: str


class FileConflictsDocument(TypedDict):
    """Conflicts of every branch, and their summary."""

    job: str
    conflicts: list[FileConflictDocument]
    summary: dict[str, object]


class ProspectDocument(TypedDict):
    """One branch of a forecast."""

    branch: str
    target: str
    prospect: str


class AnalysisDocument(TypedDict):
    """How many branches would align, conflict or stay."""

    job: str
    total: int
    by_prospect: dict[str, int]
    branches: list[ProspectDocument]


class ResolutionGuidanceDocument(TypedDict):
    """What the newest run resolved by itself, and what is left to a person."""

    job: str
    run_id: str
    automated_resolution_attempts: int
    manual_resolution_required: list[str]
    resolution_guidance: list[str]
