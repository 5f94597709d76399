"""What a batch run reports of itself and of its batches, with the payloads of the original requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.batches.running.context import BatchContext, Keeper
from gitalign.batches.running.judge_batch import Lander, Member
from gitalign.batches.running.state import BatchRun, Landed, MergeStatus, Status
from gitalign.batches.running.task_crew import runs_of


class BatchReports:
    """Reports of one batch run.

    Args:
        context, keeper: of the run.
    """

    def __init__(self, context: BatchContext, keeper: Keeper) -> None:
        self._context = context
        self._keeper = keeper

    def run_started(self) -> None:
        """The run begins, or goes on."""
        run = self._keeper.run
        self._notify(
            "batch_run_started",
            target=run.target,
            execution_mode=run.mode.value,
            reason=run.mode_reason,
            batches_total=len(run.batches),
            tasks_total=len(run.tasks),
        )

    def run_completed(self) -> None:
        """The run has ended, or stands still until it is gone on with."""
        run = self._keeper.run
        reasons = [one.reason for one in run.batches if one.reason and one.status is not Status.COMPLETED]
        self._notify(
            "batch_run_completed",
            status=run.status.value,
            success=run.status is Status.COMPLETED,
            batches_completed=run.completed_batches,
            batches_total=len(run.batches),
            total_duration=self._seconds_of(run),
            errors=[*dict.fromkeys(reasons)],
        )

    def batch_started(self, number: int) -> None:
        """A batch begins, or goes on."""
        run = self._keeper.run
        plan = run.plan.batches[number]
        self._notify(
            "batch_started",
            batch_id=plan.batch_id,
            batch_index=number,
            task_count=len(plan.task_ids),
            task_ids=list(plan.task_ids),
            can_parallel=plan.can_parallel,
            batches_remaining=len(run.batches) - number - 1,
        )

    def batch_completed(self, number: int, status: Status, landed: Landed | None) -> None:
        """A batch has ended, or stands still."""
        run = self._keeper.run
        tasks = runs_of(run, number).values()
        errors = [one.reason for one in tasks if one.reason]
        if landed is not None and landed.merge_status is not MergeStatus.SKIPPED and status is Status.FAILED:
            errors.append(landed.reason)
        self._notify(
            "batch_completed",
            batch_id=run.plan.batches[number].batch_id,
            status=status.value,
            success=status is Status.COMPLETED,
            duration=self._duration(number),
            merge_status=(landed.merge_status if landed is not None else MergeStatus.SKIPPED).value,
            success_count=sum(one.status is Status.COMPLETED for one in tasks),
            fail_count=sum(one.status is Status.FAILED for one in tasks),
            errors=errors,
        )

    def progress(self) -> None:
        """How many tasks run, and how far the run is."""
        run = self._keeper.run
        running = [task_id for task_id, one in run.tasks.items() if one.status is Status.RUNNING]
        self._notify(
            "batch_run_progress",
            running_tasks=running,
            running_count=len(running),
            completed_tasks=sum(one.status is Status.COMPLETED for one in run.tasks.values()),
            tasks_total=len(run.tasks),
            current_batch=run.current_batch,
            total_duration=self._seconds_of(run),
        )

    def lander(self, lander: Lander) -> Lander:
        """A lander that reports when it merges, and what came of it."""
        return _ReportingLander(lander, self)

    def merge_started(self, number: int, members: Sequence[Member]) -> None:
        """Results of a batch are merged."""
        run = self._keeper.run
        names = [one.name for one in members]
        self._notify("merge_started", batch_id=run.plan.batches[number].batch_id, target=run.target, branches=names)

    def merge_completed(self, number: int, landed: Landed) -> None:
        """Results of a batch were merged, or refused."""
        self._notify(
            "merge_completed",
            batch_id=self._keeper.run.plan.batches[number].batch_id,
            success=landed.merge_status in (MergeStatus.SUCCESS, MergeStatus.SKIPPED),
            merge_status=landed.merge_status.value,
            landed=landed.landed,
            landing_run=landed.landing_run,
            tests=landed.tests,
            conflicts=[[one.first, one.second, *one.together] for one in landed.conflicts],
            reason=landed.reason,
        )

    def _notify(self, kind: str, **data: object) -> None:
        self._context.notify(kind, project_id=str(self._keeper.run.plan.project_id), **data)

    def _duration(self, number: int) -> float:
        started = self._keeper.run.batches[number].started_at
        return (self._context.surroundings.now() - started).total_seconds() if started is not None else 0.0

    def _seconds_of(self, run: BatchRun) -> float:
        end = run.finished_at or self._context.surroundings.now()
        return (end - run.started_at).total_seconds() if run.started_at is not None else 0.0


@dataclass(frozen=True, slots=True)
class _ReportingLander:
    lander: Lander
    reports: BatchReports

    def land(self, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        """See `Lander`."""
        self.reports.merge_started(number, members)
        landed = self.lander.land(keeper, number, members)
        self.reports.merge_completed(number, landed)
        return landed
