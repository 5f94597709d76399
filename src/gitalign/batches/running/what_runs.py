"""Which tasks of a batch run, by what became of the batches before it. Pure.

A hard dependency blocks: a task whose need did not land does not run. A soft one only orders. After a batch that failed, nothing
runs but what waits for it by soft dependencies alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitalign.batches.planning.tasks import NeedKind, Task, TaskId
from gitalign.batches.running.state import BatchRun, Status


@dataclass(frozen=True, slots=True)
class Idle:
    """Why a task does not run: `skipped` or `not_run`, and in words."""

    status: Status
    reason: str


def is_after_failure(run: BatchRun, number: int) -> bool:
    """Whether a batch before this one failed, and not only in part."""
    return _first_failed(run, number) is not None


def idle_tasks(run: BatchRun, tasks: Mapping[TaskId, Task], number: int) -> dict[TaskId, Idle]:
    """Tasks of a batch that do not run, now that the batches before it are decided.

    Args:
        run: as it stands.
        tasks: of the run, by id.
        number: of the batch.
    """
    batch_of = {task_id: at for at, batch in enumerate(run.plan.batches) for task_id in batch.task_ids}
    failed = _first_failed(run, number)
    idle: dict[TaskId, Idle] = {}
    for task_id in run.plan.batches[number].task_ids:
        needs = [need for need in tasks[task_id].needs if batch_of.get(need.task, number) < number]
        missing = {need.task for need in needs if not _has_landed(run, need.task, batch_of[need.task])}
        blocking = [need.task for need in needs if need.kind is NeedKind.HARD and need.task in missing]
        if blocking:
            idle[task_id] = Idle(Status.SKIPPED, f"it needs {', '.join(blocking)}, which did not land")
        elif failed is not None and not any(need.task in missing or batch_of[need.task] > failed for need in needs):
            idle[task_id] = Idle(Status.NOT_RUN, f"batch {failed} failed")
    return idle


def _first_failed(run: BatchRun, number: int) -> int | None:
    for at, batch in enumerate(run.batches[:number]):
        goes_on = batch.outcome is not None and batch.outcome.goes_on
        if batch.status is Status.FAILED and not goes_on:
            return at
    return None


def _has_landed(run: BatchRun, task_id: TaskId, number: int) -> bool:
    """Whether what a task made is on the target, or it made nothing."""
    batch = run.batches[number]
    if batch.status is Status.COMPLETED:
        return True
    goes_on = batch.outcome is not None and batch.outcome.goes_on
    return goes_on and run.tasks[task_id].status is Status.COMPLETED
