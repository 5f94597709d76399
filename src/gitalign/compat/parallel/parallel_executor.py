"""`ParallelExecutor`, as the parallel orchestration's request names it: tasks in work trees of their own, nothing landed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from gitalign import facade
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import PlanUnusable, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.events import CallbackListener, ProgressCallback
from gitalign.compat.parallel.carry_out import ExecutionResult, carried_out, results_of
from gitalign.compat.parallel.execution_plan import ExecutionBatch, one_batch, runnable
from gitalign.compat.parallel.progress import report
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.git.repository import open_repository


class ParallelExecutor:
    """Runs tasks and keeps their results; landing them is `MergeValidator`'s.

    Args:
        project_path: any path inside the repository.
        project_id: a UUID; None for the repository's own.
        max_concurrency: tasks side by side.
        progress_callback: takes events as mappings, `async` or not.
        db_connection: kept for callers; the engine writes its own state.
        task_list: how tasks are run: a task list, or its document.
    """

    def __init__(
        self,
        project_path: str | Path,
        project_id: str | None = None,
        max_concurrency: int = 3,
        progress_callback: ProgressCallback | None = None,
        db_connection: object = None,
        *,
        task_list: TaskList | Mapping[str, Any] | None = None,
    ) -> None:
        self.project_path = Path(project_path)
        self.project_id = project_id
        self.max_concurrency = max_concurrency
        self.progress_callback = progress_callback
        self.db_connection = db_connection
        self.task_list = task_list
        self.options = facade.BatchOptions(max_concurrency=max_concurrency)

    async def execute_batch(self, batch_id: int, task_ids: Sequence[int | str]) -> list[ExecutionResult]:
        """Run tasks side by side.

        Args:
            batch_id: of the batch in its plan; for events.
            task_ids: of the task list.

        Returns:
            One result for each task, in this order.

        Raises:
            UserError, TaskListError, GitError, StoreError
        """
        return await self._executed(batch_id, task_ids, can_parallel=True)

    async def execute_task(self, task_id: int | str) -> ExecutionResult:
        """Run one task.

        Raises:
            UserError, TaskListError, GitError, StoreError
        """
        (result,) = await self._executed(0, [task_id], can_parallel=False)
        return result

    async def _executed(
        self, batch_id: int, task_ids: Sequence[int | str], *, can_parallel: bool
    ) -> list[ExecutionResult]:
        if not task_ids:
            return []
        batch = ExecutionBatch(batch_id=0, task_ids=tuple(map(str, task_ids)), can_parallel=can_parallel)
        plan = one_batch(self._plan(batch), batch)

        async def handle(data: dict[str, Any]) -> None:
            event = str(data.pop("type"))
            known = {**data, "batch_id": batch_id} if "batch_id" in data else data
            await report(self.progress_callback, event, known, project_id=str(plan.project_id))

        async with CallbackListener(handle, loop=asyncio.get_running_loop()) as listener:
            run = await carried_out(
                self.project_path,
                plan,
                replace(self.options, lands=False),
                given_by="ParallelExecutor",
                listener=listener,
            )
        return await results_of(self.project_path, run, 0)

    def _plan(self, batch: ExecutionBatch) -> BatchPlan:
        if self.task_list is None:
            raise PlanUnusable("the executor does not know how tasks are run", hint="give task_list=…")
        repository = open_repository(self.project_path)
        known = UUID(self.project_id) if self.project_id is not None else project_id_of(repository)
        plan = BatchPlan(project_id=known, created_at=utc_now(), batches=(batch,))
        return runnable(plan, self.task_list, project_path=self.project_path, target=None)
