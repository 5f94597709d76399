"""A batch run that failed, as one that can be gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.batches.planning.tasks import TaskId
from gitalign.batches.running.state import BatchProgress, BatchRun, Status
from gitalign.core.names import display
from gitalign.errors import UserError


def to_be_gone_on_with(run: BatchRun, task_ids: Sequence[TaskId] = ()) -> BatchRun:
    """A run that failed, as it is before it goes on: tasks that failed, and those named, run again. Other results stay.

    What landed of a batch stays known. A batch starts from where the target stands then only if none of its tasks has a result.

    Raises:
        UserError: a task that is not there or has landed; nothing failed.
    """
    landed = {
        task_id
        for number, batch in enumerate(run.batches)
        if batch.status is Status.COMPLETED
        for task_id in run.plan.batches[number].task_ids
    }
    for task_id in task_ids:
        if task_id not in run.tasks or task_id in landed:
            why = "has landed" if task_id in landed else "is not part of it"
            raise UserError(f"task {display(task_id)} {why}", hint=f"git align batch status {run.id}")
    stopped = {Status.FAILED, Status.CANCELLED, Status.SKIPPED, Status.NOT_RUN}
    again = [one for one, task in run.tasks.items() if one in task_ids or task.status in stopped]
    if not again and run.status is not Status.FAILED:
        raise UserError(f"nothing of batch run {run.id} has failed", hint=f"git align batch status {run.id}")
    for task_id in again:
        run = run.with_task(task_id, status=Status.PENDING, result=None, reason="", exit_code=None, leaks=())
    for number, batch in enumerate(run.batches):
        if batch.status is not Status.COMPLETED:
            left = any(run.tasks[one].result for one in run.plan.batches[number].task_ids)
            has_landed = batch.outcome is not None and batch.outcome.landed is not None
            base = batch.base if left and not has_landed else None
            outcome = batch.outcome if has_landed else None
            run = run.with_batch(
                number,
                status=Status.PENDING,
                base=base,
                outcome=outcome,
                reason="",
                landing_run="",
                started_at=None,
                finished_at=None,
            )
    return replace(run, status=Status.PENDING, finished_at=None)


def _went_on(batch: BatchProgress) -> bool:
    return batch.outcome is not None and batch.outcome.goes_on


def to_be_landed(run: BatchRun) -> BatchRun:
    """A run that failed, as it is before results that did not land are landed again, without a task; any other run as it is."""
    if run.status is not Status.FAILED:
        return run
    for number, batch in enumerate(run.batches):
        tasks = [run.tasks[one] for one in run.plan.batches[number].task_ids]
        has_results = batch.outcome is not None and any(one.result is not None for one in tasks)
        if batch.status is Status.FAILED and has_results and not _went_on(batch):
            run = run.with_batch(
                number, status=Status.PENDING, outcome=None, reason="", landing_run="", finished_at=None
            )
        elif batch.status is Status.NOT_RUN:
            run = run.with_batch(number, status=Status.PENDING)
            for task_id in run.plan.batches[number].task_ids:
                if run.tasks[task_id].status is Status.NOT_RUN:
                    run = run.with_task(task_id, status=Status.PENDING)
    if any(batch.status is Status.PENDING for batch in run.batches):
        run = replace(run, status=Status.PENDING, finished_at=None)
    return run
