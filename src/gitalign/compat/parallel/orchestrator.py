"""The orchestrator's part of the parallel orchestration's request: which mode a plan runs in, and running it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from gitalign.batches.planning.plan import (
    BatchPlan,
    ConflictType,
    ExecutionMode,
    FileConflict,
    Mode,
    PlannedBatch,
    select_mode,
)
from gitalign.batches.planning.tasks import TaskList
from gitalign.batches.running.events import ProgressCallback
from gitalign.compat.parallel.batch_executor import BatchExecutor
from gitalign.compat.parallel.execution_plan import ExecutionPlan, NoExecutionPlan
from gitalign.compat.project_database import DatabaseManager
from gitalign.errors import UserError


class ParallelOrchestrator:
    """Selects how the stored plan of a project is run, and runs it.

    Args:
        project_path: any path inside the repository whose journal holds the project.
        max_concurrency: tasks side by side.
        task_list: how tasks are run, for plans that do not say so, and where results go: else to `main`, `master` or the branch
            that is checked out.
    """

    def __init__(
        self,
        project_path: str | Path = ".",
        *,
        max_concurrency: int = 3,
        task_list: TaskList | Mapping[str, Any] | None = None,
    ) -> None:
        self.project_path = Path(project_path)
        self.max_concurrency = max_concurrency
        self.task_list = task_list

    def _should_use_parallel(self, plan: Mapping[str, Any] | None) -> bool:
        """Whether a batch can run in parallel, has more than one task, and no critical conflict is foreseen in it."""
        return bool(plan) and _mode_of(plan or {}).execution_mode is ExecutionMode.PARALLEL

    async def select_execution_mode(self, project_id: UUID) -> str:
        """Have the project say in which mode its plan is run, and why; the mode.

        Raises:
            UserError: there is no such project.
            StoreError
        """
        now = datetime.now(UTC).isoformat()
        async with DatabaseManager(self.project_path) as db:
            plan = await db.get_execution_plan(project_id)
            mode = _mode_of(plan or {})
            word = mode.execution_mode.value
            updates = {"execution_mode": word, "mode_reason": mode.reason, "mode_selected_at": now}
            if word == ExecutionMode.PARALLEL.value:
                updates["parallel_started_at"] = now
            await db.update_project_metadata(project_id, updates)
        return word

    async def start_parallel_execution(
        self, project_id: UUID, progress_callback: ProgressCallback | None = None
    ) -> dict[str, Any]:
        """Run the stored plan of a project to its end.

        Returns:
            `status` (`completed` or `failed`), `batches_completed`, `batches_total`, `total_duration` in seconds.

        Raises:
            NoExecutionPlan: also a `ValueError`.
            UserError: there is no such project, the plan cannot be run, or another process runs it.
            TaskListError, GitError, StoreError
        """
        async with DatabaseManager(self.project_path) as db:
            document = await db.get_execution_plan(project_id)
            if not document:
                raise NoExecutionPlan("No execution plan found", hint="await db.save_execution_plan(project_id, plan)")
            project = await db.get_project(project_id)
            if project is None:
                raise UserError(f"there is no project {project_id}", hint="await db.create_project(project_id)")
            executor = BatchExecutor(
                project_id=project_id,
                project_path=project["local_path"],
                db=db,
                max_concurrency=self.max_concurrency,
                progress_callback=progress_callback,
                task_list=self.task_list,
            )
            results = await executor.execute_plan(ExecutionPlan.from_dict(document))
        return {
            "status": "completed" if results and all(one.success for one in results) else "failed",
            "batches_completed": sum(one.success for one in results),
            "batches_total": len(results),
            "total_duration": sum(one.duration for one in results),
        }


def _mode_of(plan: Mapping[str, Any]) -> Mode:
    """The mode of a plan of which only batches and conflicts need to be there."""
    batches = tuple(
        PlannedBatch(
            batch_id=number,
            task_ids=tuple(map(str, batch.get("task_ids", ()))),
            can_parallel=bool(batch.get("can_parallel")),
        )
        for number, batch in enumerate(plan.get("batches", ()))
    )
    conflicts = tuple(
        FileConflict(
            task_ids=tuple(map(str, one.get("task_ids", ()))),
            predicted_files=tuple(one.get("predicted_files", ())),
            conflict_type=ConflictType(one.get("conflict_type", ConflictType.POTENTIAL)),
        )
        for one in plan.get("predicted_conflicts") or ()
    )
    known = BatchPlan(
        project_id=UUID(int=0), created_at=datetime.now(UTC), batches=batches, predicted_conflicts=conflicts
    )
    return select_mode(known)
