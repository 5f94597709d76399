"""Carrying out a plan for the names of this folder: one way for all of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from gitalign import facade
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.running.events import BatchListener
from gitalign.batches.running.state import BatchRun, Status
from gitalign.compat.parallel.execution_plan import as_id
from gitalign.compat.parallel.progress import in_thread
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError


@dataclass
class ExecutionResult:
    """What became of a task.

    Attributes:
        duration: seconds.
        cost: of no task is it known.
        logs: what the task wrote.
    """

    task_id: int | str
    success: bool
    duration: float
    error: str | None = None
    cost: float = 0.0
    logs: str = ""


async def carried_out(
    project_path: Path, plan: BatchPlan, options: facade.BatchOptions, *, given_by: str, listener: BatchListener
) -> BatchRun:
    """Run a plan, or go on with a run of it that was not finished; a plan that has completed is not run twice.

    Raises:
        UserError: also when another process runs it.
        GitError, StoreError
    """
    request = facade.Request(repo=project_path)
    stop = StopSignal()
    caller = Caller(stop=stop)

    def work() -> BatchRun:
        if (known := _unfinished(request, plan)) is not None:
            return facade.resume_batches(request, known, options=options, caller=caller, listeners=(listener,))
        permit = Permit(plan_id=facade.plan_digest(plan), given_by=given_by)
        return facade.start_batches(request, plan, permit=permit, options=options, caller=caller, listeners=(listener,))

    return await in_thread(work, stop)


async def results_of(project_path: Path, run: BatchRun, number: int) -> list[ExecutionResult]:
    """Results of the tasks of a batch, in the order of the plan."""
    request = facade.Request(repo=project_path)
    results = []
    for task_id in run.plan.batches[number].task_ids:
        one = run.tasks[task_id]
        took = (one.finished_at - one.started_at).total_seconds() if one.finished_at and one.started_at else 0.0
        success = one.status is Status.COMPLETED
        results.append(
            ExecutionResult(
                task_id=as_id(task_id),
                success=success,
                duration=took,
                error=None if success else one.reason or one.status.value,
                logs=await asyncio.to_thread(facade.batch_log, request, run.id, task_id),
            )
        )
    return results


def _unfinished(request: facade.Request, plan: BatchPlan) -> str | None:
    """The run of a plan that a process left, or whose landing waits; None when there is none.

    Raises:
        UserError: another process runs it.
    """
    view = facade.batch_of_plan(request, plan)
    if view is not None and view.is_alive:
        raise UserError(
            f"batch run {view.run.id} of this plan is running",
            hint=f"git align batch status {view.run.id}",
            code="batch_is_running",
        )
    return view.run.id if view is not None else None
