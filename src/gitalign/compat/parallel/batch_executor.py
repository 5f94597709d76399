"""`BatchExecutor`, as the parallel orchestration's request names it: the batches of a plan, run, merged, validated and landed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from gitalign import facade
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import PlanUnusable, TaskList
from gitalign.batches.running.events import CallbackListener, ProgressCallback
from gitalign.batches.running.state import BatchRun, MergeStatus, Status
from gitalign.compat.parallel.carry_out import ExecutionResult, carried_out, results_of
from gitalign.compat.parallel.execution_plan import TASK_LIST_KEY, ExecutionBatch, ExecutionPlan, one_batch, runnable
from gitalign.compat.parallel.merge_validator import MergeValidator
from gitalign.compat.parallel.parallel_executor import ParallelExecutor
from gitalign.compat.parallel.progress import report
from gitalign.errors import UserError

_LOG = logging.getLogger("gitalign.batches")
_ENGINE_WRITES = "batch_is_carried_out"


@dataclass
class BatchResult:
    """What became of a batch.

    Attributes:
        success: every task completed, and their results landed, or there were none.
        duration: seconds.
        merge_status: `success`, `conflicts`, `test_failed`, `skipped`, or another of `MergeStatus`.
        errors: in words; conflicts with the names of both sides and paths.
        status: `completed`, `failed`, `cancelled`, `pending` where it was stopped, `not_run` after one that failed.
    """

    batch_id: int
    success: bool
    task_results: list[ExecutionResult]
    duration: float
    merge_status: str
    errors: list[str]
    cost: float = 0.0
    status: str = ""


class BatchExecutor:
    """Executes batches of a plan through the engine of batches.

    Args:
        project_id: of the project.
        project_path: any path inside the repository.
        db: has `update_batch_status(batch_id, status, started_at, completed_at)`, as `DatabaseManager`; None for none.
        max_concurrency: tasks side by side.
        progress_callback: takes events as mappings, `async` or not; what it raises hurts nothing.
        task_list: how tasks are run, for plans that do not say so, and where results go: else to `main`, `master` or the branch
            that is checked out.

    Attributes:
        options: how tasks are confined, how often their trees are looked at, and the like; can be replaced before a plan is executed.
    """

    def __init__(
        self,
        project_id: UUID,
        project_path: str | Path,
        db: Any,
        max_concurrency: int = 3,
        progress_callback: ProgressCallback | None = None,
        *,
        task_list: TaskList | Mapping[str, Any] | None = None,
    ) -> None:
        self.project_id = project_id
        self.project_path = Path(project_path)
        self.db = db
        self.max_concurrency = max_concurrency
        self.progress_callback = progress_callback
        self.task_list = task_list
        self.options = facade.BatchOptions(max_concurrency=max_concurrency)
        self.parallel_executor = ParallelExecutor(
            project_path=project_path,
            project_id=str(project_id),
            max_concurrency=max_concurrency,
            progress_callback=progress_callback,
            db_connection=db,
            task_list=task_list,
        )
        self.merge_validator = MergeValidator(project_path, db)

    async def execute_plan(self, plan: ExecutionPlan | BatchPlan) -> list[BatchResult]:
        """Execute the batches of a plan one after the other; each is merged, validated and landed before the next begins.

        The same plan again does nothing when it has completed, and goes on when its process was killed.

        Returns:
            One result for each batch of the plan. Those after a failed one are `not_run`.

        Raises:
            UserError: the plan cannot be run, or another process runs it.
            TaskListError, GitError, StoreError
        """
        ready = runnable(plan, await self._tasks(), project_path=self.project_path, target=None)
        self.task_list = ready.task_list
        run = await self._carried_out(ready, numbers=None)
        return [await self._result(run, number, batch.batch_id) for number, batch in enumerate(ready.batches)]

    async def execute_batch(self, batch: ExecutionBatch) -> BatchResult:
        """Execute a single batch, whose tasks are known by `task_list` or by the last plan.

        Raises:
            UserError, TaskListError, GitError, StoreError
        """
        tasks = await self._tasks()
        if tasks is None:
            raise PlanUnusable("the executor does not know how tasks are run", hint="give task_list=…")
        alone = BatchPlan(
            project_id=self.project_id, created_at=datetime.now(UTC), batches=(ExecutionBatch(batch_id=0, task_ids=()),)
        )
        known = runnable(alone, tasks, project_path=self.project_path, target=None)
        run = await self._carried_out(one_batch(known, batch), numbers=batch.batch_id)
        return await self._result(run, 0, batch.batch_id)

    async def _notify_progress(self, event: str, data: dict[str, Any]) -> None:
        """Hand an event to the progress callback, with `type`, `project_id` and `timestamp`."""
        await report(self.progress_callback, event, data, project_id=str(self.project_id))

    async def _tasks(self) -> TaskList | Mapping[str, Any] | None:
        """How tasks are run: as given, else as the metadata of the project says."""
        if self.task_list is None and hasattr(self.db, "get_project"):
            project = await self.db.get_project(self.project_id)
            known: Mapping[str, Any] | None = (project or {}).get("metadata", {}).get(TASK_LIST_KEY)
            return known
        return self.task_list

    async def _carried_out(self, plan: BatchPlan, *, numbers: int | None) -> BatchRun:
        """Carry a plan out.

        Args:
            numbers: of its one batch, as the caller knows it; None for those of the plan.
        """

        async def handle(data: dict[str, Any]) -> None:
            event = str(data.pop("type"))
            if numbers is not None and "batch_id" in data:
                data["batch_id"] = numbers
            if event in ("batch_started", "batch_completed"):
                await self._write_status(event, data)
            await self._notify_progress(event, data)

        async with CallbackListener(handle, loop=asyncio.get_running_loop()) as listener:
            return await carried_out(self.project_path, plan, self.options, given_by="BatchExecutor", listener=listener)

    async def _write_status(self, event: str, data: Mapping[str, Any]) -> None:
        """Write in the caller's database how a batch stands; what the engine writes itself is not written again."""
        if not hasattr(self.db, "update_batch_status"):
            return
        number = data["batch_id"]
        if hasattr(self.db, "get_parallel_batches"):
            rows = await self.db.get_parallel_batches(self.project_id)
            number = next((row["id"] for row in rows if row["batch_id"] == number), None)
        if number is None:
            return
        at = datetime.now(UTC)
        try:
            if event == "batch_started":
                await self.db.update_batch_status(number, "running", started_at=at)
            else:
                status = "completed" if data["success"] else "failed"
                await self.db.update_batch_status(number, status, completed_at=at)
        except UserError as error:
            if error.code != _ENGINE_WRITES:
                raise

    async def _result(self, run: BatchRun, number: int, batch_id: int) -> BatchResult:
        progress = run.batches[number]
        took = 0.0
        if progress.started_at is not None and progress.finished_at is not None:
            took = (progress.finished_at - progress.started_at).total_seconds()
        if progress.status is Status.NOT_RUN:
            return BatchResult(
                batch_id,
                False,
                [],
                took,
                MergeStatus.SKIPPED.value,
                ["not run: an earlier batch failed"],
                0.0,
                "not_run",
            )
        results = await results_of(self.project_path, run, number)
        errors = [f"Task {one.task_id}: {one.error}" for one in results if not one.success]
        outcome = progress.outcome
        if outcome is not None and outcome.reason and progress.status is not Status.COMPLETED:
            errors.append(outcome.reason)
        return BatchResult(
            batch_id=batch_id,
            success=progress.status is Status.COMPLETED,
            task_results=results,
            duration=took,
            merge_status=(outcome.merge_status if outcome is not None else MergeStatus.SKIPPED).value,
            errors=errors,
            status=progress.status.value,
        )
