"""The tasks of one batch, so many side by side, with snapshots of their trees while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing

from gitalign.batches.planning.tasks import Task, TaskId
from gitalign.batches.running.context import BatchContext, Keeper, OwnRefs
from gitalign.batches.running.control import LOOK_EVERY_S, Control
from gitalign.batches.running.run_task import AttemptEnd
from gitalign.batches.running.snapshot_rounds import SnapshotRounds
from gitalign.batches.running.state import BatchRun, Status, TaskRun
from gitalign.batches.running.task_worker import TaskWorker
from gitalign.batches.running.turns import Turns, ahead_of
from gitalign.core.names import BATCH_PREFIX, Oid, ref_of
from gitalign.git.refs import read_refs

_REPORT_EVERY_S = 5.0
UNDONE = frozenset({Status.PENDING, Status.RUNNING})


def runs_of(run: BatchRun, number: int) -> Mapping[TaskId, TaskRun]:
    """Tasks of a batch, as they stand, in the order of the plan."""
    return {task_id: run.tasks[task_id] for task_id in run.plan.batches[number].task_ids}


def _threads(width: int) -> ThreadPoolExecutor:
    most = max(1, width)
    return ThreadPoolExecutor(most + ahead_of(most), thread_name_prefix="task")


class TaskCrew:
    """Runs tasks of a batch run.

    Args:
        context, keeper, refs: of the run.
        tasks: its tasks by id.
        control: says when to stop.
        report: called every few seconds while tasks run.
    """

    def __init__(
        self,
        context: BatchContext,
        keeper: Keeper,
        refs: OwnRefs,
        tasks: Mapping[TaskId, Task],
        control: Control,
        *,
        report: Callable[[], None],
    ) -> None:
        self._context = context
        self._keeper = keeper
        self._refs = refs
        self._tasks = tasks
        self._control = control
        self._report = report
        self._reported_at = time.monotonic()
        self._worker = TaskWorker(context, keeper, refs, lambda: control.is_cancelled)

    def run_tasks(self, number: int, base: Oid, width: int) -> list[TaskId]:
        """Run the tasks of a batch that have not ended, up to `width` side by side; ids of those that the machine could not run.

        Raises:
            GitAlignError: the state cannot be written; everything that runs is ended first.
        """
        waiting = [task_id for task_id, one in runs_of(self._keeper.run, number).items() if one.status in UNDONE]
        for task_id in [one for one in waiting if self._tasks[one].branch is not None]:
            self._take_branch(self._tasks[task_id])
            waiting.remove(task_id)
        failed: list[TaskId] = []
        under_way: dict[Future[AttemptEnd | None], TaskId] = {}
        turns = Turns(self._control)
        scaling = self._context.scaling(max(1, width))
        rounds = SnapshotRounds(self._context, self._keeper, self._refs, self._worker, (number, base, self._tasks))
        with closing(rounds), _threads(width) as threads:
            try:
                while waiting or under_way:
                    allowed = scaling.look(len(under_way), lock_wait_s=self._keeper.lock_wait_s)
                    turns.allow(allowed)
                    most = allowed + ahead_of(allowed)
                    while waiting and len(under_way) < most and not self._control.is_held_back:
                        task_id = waiting.pop(0)
                        run = threads.submit(self._worker.run, self._tasks[task_id], base, turns.turn())
                        under_way[run] = task_id
                    if not under_way and self._control.is_stopping:
                        break
                    ready, _ = (
                        wait(under_way, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED) if under_way else ((), ())
                    )
                    for future in ready:
                        task_id = under_way.pop(future)
                        end = future.result()
                        if end is AttemptEnd.INFRASTRUCTURE:
                            failed.append(task_id)
                        elif end is None:
                            waiting.insert(0, task_id)
                    if not under_way and not ready:
                        time.sleep(LOOK_EVERY_S)
                    self._look_after(rounds)
            except BaseException:
                self._context.stop.request_cancel()
                raise
        return failed

    def _look_after(self, rounds: SnapshotRounds) -> None:
        rounds.tend()
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            self._report()

    def _take_branch(self, task: Task) -> None:
        """A task that is a branch: its result is where the branch stands."""
        assert task.branch is not None
        now = self._context.surroundings.now()
        stands = read_refs(self._context.repository, ref_of(task.branch)).get(ref_of(task.branch))
        if stands is None:
            changes: dict[str, object] = {"status": Status.FAILED, "reason": f"there is no branch {task.branch}"}
        else:
            self._refs.put(
                f"{BATCH_PREFIX}{self._keeper.run.id}/@branch-{list(self._keeper.run.tasks).index(task.id)}", stands
            )
            changes = {"status": Status.COMPLETED, "result": stands}
        self._keeper.change(lambda run: run.with_task(task.id, started_at=now, finished_at=now, **changes))
