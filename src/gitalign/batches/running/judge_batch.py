"""What becomes of a batch when none of its tasks runs any more: its results are handed over to be landed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from gitalign.batches.planning.tasks import Task, TaskId
from gitalign.batches.running.context import Keeper
from gitalign.batches.running.control import Control
from gitalign.batches.running.state import BEST_SUBSET, BatchRun, Landed, LeftOut, MergeStatus, Status
from gitalign.batches.running.task_crew import UNDONE, runs_of
from gitalign.core.names import Oid, display
from gitalign.core.steps import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A result to be merged.

    Attributes:
        name: as the merge names it.
        tip: the commit.
        base: the commit of the target that it started from; None for a branch.
    """

    task: Task
    name: str
    tip: Oid
    base: Oid | None


class Lander(Protocol):
    """Merges, validates and lands the results of a batch, all of them or none."""

    def land(self, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        """Land a batch. Asked again after a crash, it finishes what it began, once.

        Raises:
            GitAlignError: it cannot be determined what became of it; `resume` asks again.
        """


_STATUS = {
    MergeStatus.SUCCESS: Status.COMPLETED,
    MergeStatus.SKIPPED: Status.COMPLETED,
    # Both can be landed later as they are.
    MergeStatus.WAITING: Status.PENDING,
    MergeStatus.TARGET_MOVED: Status.PENDING,
}


_NEVER_BEGUN = frozenset({Status.SKIPPED, Status.NOT_RUN})


def _with_earlier(earlier: Landed | None, landed: Landed) -> Landed:
    """What became of a batch's results, with what an earlier attempt landed where this one landed nothing."""
    if earlier is None or earlier.landed is None or landed.landed is not None:
        return landed
    kept = replace(
        landed,
        landed=earlier.landed,
        landing_run=earlier.landing_run,
        tests=landed.tests or earlier.tests,
        pushed_to=earlier.pushed_to,
        push_detail=landed.push_detail or earlier.push_detail,
    )
    if landed.merge_status is not MergeStatus.SKIPPED:
        return kept
    reason = "what landed before stands; nothing further was there to land" if landed.left_out else ""
    status = earlier.merge_status if landed.left_out else MergeStatus.SUCCESS
    return replace(kept, merge_status=status, reason=reason)


def _with_failed(landed: Landed, failed: tuple[LeftOut, ...]) -> Landed:
    """What landed, with the tasks of the batch that have no result: it is not a success then."""
    if not failed:
        return landed
    words = f"{counted(len(failed), 'task')} did not complete: {', '.join(display(one.task) for one in failed)}"
    status = landed.merge_status
    if status is MergeStatus.SUCCESS:
        status = next((one.because for one in failed if one.because is not MergeStatus.SKIPPED), MergeStatus.FAILED)
    reason = "; ".join(filter(None, [words, landed.reason]))
    return replace(landed, merge_status=status, reason=reason, left_out=(*failed, *landed.left_out))


class BatchJudge:
    """Decides how batches stand, and has their results landed.

    Args:
        keeper, tasks, control: of the run.
        lander: lands; None leaves landing for later.
        now: the time.
    """

    def __init__(
        self,
        keeper: Keeper,
        tasks: Mapping[TaskId, Task],
        control: Control,
        lander: Lander | None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._keeper = keeper
        self._tasks = tasks
        self._control = control
        self._lander = lander
        self._now = now

    def judge(self, number: int) -> tuple[Status, Landed | None]:
        """How a batch stands when no task of it runs, and what became of its results."""
        runs = runs_of(self._keeper.run, number)
        if any(one.status in UNDONE for one in runs.values()):
            return (Status.CANCELLED if self._control.is_cancelled else Status.PENDING), None
        if any(one.status is Status.CANCELLED for one in runs.values()):
            return Status.CANCELLED, None
        failed = [task_id for task_id, one in runs.items() if one.status is not Status.COMPLETED]
        # What was never begun, because of an earlier batch, holds back nothing that was.
        takes_part = bool(self._keeper.run.options.get(BEST_SUBSET))
        if any(runs[one].status not in _NEVER_BEGUN for one in failed) and not takes_part:
            reason = f"{len(failed)} of {len(runs)} tasks did not complete: {', '.join(failed)}"
            return Status.FAILED, Landed(merge_status=MergeStatus.SKIPPED, reason=reason)
        left_out = tuple(self._left_out(task_id) for task_id in failed)
        members = self._members(number)
        if not members:
            reason = "no task that completed changed anything" if failed else "no task changed anything"
            landed = Landed(merge_status=MergeStatus.SKIPPED, reason=reason, left_out=left_out)
        elif self._lander is None:
            return Status.PENDING, Landed(merge_status=MergeStatus.WAITING, reason="landing was left for later")
        else:
            landed = self._lander.land(self._keeper, number, members)
            if landed.landed is not None or landed.left_out or landed.merge_status is MergeStatus.SKIPPED:
                landed = _with_failed(landed, left_out)
        status = _STATUS.get(landed.merge_status, Status.FAILED)
        return (Status.FAILED if landed.left_out and status is Status.COMPLETED else status), landed

    def _left_out(self, task_id: TaskId) -> LeftOut:
        """A task that has no result, as what was left out of a landing."""
        one = self._keeper.run.tasks[task_id]
        because = MergeStatus.SKIPPED if one.status in _NEVER_BEGUN else MergeStatus.FAILED
        name = self._tasks[task_id].branch or f"batch/{self._keeper.run.id}/{task_id}"
        return LeftOut(task=task_id, name=name, because=because, reason=one.reason)

    def _members(self, number: int) -> list[Member]:
        run = self._keeper.run
        members: list[Member] = []
        for task_id, one in runs_of(self._keeper.run, number).items():
            if one.result is None or one.status is not Status.COMPLETED:
                continue
            task = self._tasks[task_id]
            name = task.branch if task.branch is not None else f"batch/{run.id}/{task_id}"
            members.append(Member(task=task, name=name, tip=one.result, base=one.base))
        return members

    def write(self, number: int, status: Status, landed: Landed) -> None:
        """Write down what became of a batch; a task whose result was left out has failed, so that `retry` runs it again."""
        now = self._now()
        is_over = status.is_final

        def written(run: BatchRun) -> BatchRun:
            for one in landed.left_out:
                if run.tasks[one.task].status is Status.COMPLETED:
                    run = run.with_task(one.task, status=Status.FAILED, reason=f"left out: {one.reason}")
            outcome = _with_earlier(run.batches[number].outcome, landed)
            finished = now if is_over else None
            run = run.with_batch(number, status=status, finished_at=finished, outcome=outcome, reason=outcome.reason)
            return replace(run, running_conflicts=())  # what landing found takes their place

        self._keeper.change(written)
