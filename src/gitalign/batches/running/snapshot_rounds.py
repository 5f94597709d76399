"""Looks at the trees of running tasks now and then: pins what they hold, and says which of them conflict.

In a thread of its own, one look at a time: starting and ending tasks never waits for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from gitalign.batches.foresight.pairs import Foresight, Pair
from gitalign.batches.planning.tasks import Task, TaskId
from gitalign.batches.running.context import BatchContext, Keeper, OwnRefs
from gitalign.batches.running.settle import snapshot
from gitalign.batches.running.snapshot import Seen
from gitalign.batches.running.state import BatchRun, ResultConflict, RunningConflict, Status, wip_ref
from gitalign.batches.running.state_document import conflict_content
from gitalign.batches.running.task_worker import RunningTask, TaskWorker
from gitalign.core.names import Oid, display, ref_of
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.refs import read_refs

_LOG = logging.getLogger("gitalign.batches")


class SnapshotRounds:
    """Snapshots and foresight of the tasks of one batch.

    Args:
        context, keeper, refs: of the run.
        worker: knows which tasks run.
        batch: its number, the commit that its tasks started from, and all tasks of the run by id.
    """

    def __init__(
        self,
        context: BatchContext,
        keeper: Keeper,
        refs: OwnRefs,
        worker: TaskWorker,
        batch: tuple[int, Oid, Mapping[TaskId, Task]],
    ) -> None:
        self._context = context
        self._keeper = keeper
        self._refs = refs
        self._worker = worker
        number, base, self._tasks = batch
        self._task_ids = keeper.run.plan.batches[number].task_ids
        branches = [task_id for task_id in self._task_ids if self._tasks[task_id].branch is not None]
        self._foresight = Foresight(
            context.repository, keeper.run.id, target=keeper.run.target, base=base, branches=branches
        )
        self._seen: dict[TaskId, Seen] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._round: Future[None] | None = None
        self._begun_at = time.monotonic()
        self._has_noticed_stop = False

    def tend(self) -> None:
        """Begin a round when it is time for one, and at once on a signal.

        Raises:
            what the last round raised.
        """
        if self._round is not None:
            if not self._round.done():
                return
            self._round.result()
            self._round = None
        is_new_stop = self._context.stop.stop_requested and not self._has_noticed_stop
        is_time = time.monotonic() - self._begun_at >= self._context.settings.snapshot_every_s
        if is_new_stop or is_time:
            self._has_noticed_stop = self._has_noticed_stop or is_new_stop
            self._begun_at = time.monotonic()
            self._round = self._thread.submit(self._go_round)

    def close(self) -> None:
        """Wait for the round that is under way."""
        self._thread.shutdown()

    def _go_round(self) -> None:
        running = self._worker.running()
        for task_id, one in running.items():
            try:
                seen = snapshot(self._context, self._refs, one.slot, self._tasks[task_id], self._seen.get(task_id))
            except (GitError, OutOfSpace) as error:
                self._context.notify("snapshot_failed", task_id=task_id, error=error.message)
                continue
            if seen is not None and seen != self._seen.get(task_id):
                self._seen[task_id] = seen
                self._context.notify("task_snapshot", task_id=task_id, tree=seen.tree, head=seen.head)
        try:
            self._foresee(running)
        except (GitError, OutOfSpace) as error:
            _LOG.warning("conflicts between running tasks are not known: %s", error.message)

    def _foresee(self, running: Mapping[TaskId, RunningTask]) -> None:
        run = self._keeper.run
        ref = ref_of(run.target)
        tips = self._tips(run, running)
        onto = read_refs(self._context.repository, ref).get(ref) if tips else None
        if onto is None:
            return
        found = self._foresight.look(tips, onto, is_stopping=lambda: self._context.stop.stop_requested)
        self._report(running, {pair: self._context.secrets.redacted_conflict(one) for pair, one in found.items()})

    def _tips(self, run: BatchRun, running: Mapping[TaskId, RunningTask]) -> dict[TaskId, Oid]:
        """What holds the work of each task so far: the snapshot of one that runs, the result of one that has completed."""
        tips: dict[TaskId, Oid] = {}
        for task_id in self._task_ids:
            state = run.tasks[task_id]
            seen = self._seen.get(task_id)
            tip = state.result if state.status is Status.COMPLETED else None
            if task_id in running and seen is not None and not seen.is_untouched:
                tip = self._refs.at(wip_ref(run.id, task_id))
            if tip is not None:
                tips[task_id] = tip
        return tips

    def _report(self, running: Mapping[TaskId, RunningTask], found: Mapping[Pair, ResultConflict]) -> None:
        """Have the state say what is known, and report what is new and what is gone."""
        known = {(one.other, one.task): one for one in self._keeper.run.running_conflicts}
        now = self._context.surroundings.now()
        stands = tuple(
            RunningConflict(
                task=pair[1], other=pair[0], conflict=one, since=known[pair].since if pair in known else now
            )
            for pair, one in found.items()
        )
        if stands != self._keeper.run.running_conflicts:
            self._keeper.change(lambda run: replace(run, running_conflicts=stands))
        for one in stands:
            pair = (one.other, one.task)
            if pair not in known or known[pair].conflict.paths != one.conflict.paths:
                self._tell("conflict_foreseen", running, pair, one.conflict)
        for pair, one in known.items():
            if pair not in found:
                self._tell("conflict_withdrawn", running, pair, one.conflict)

    def _tell(self, kind: str, running: Mapping[TaskId, RunningTask], pair: Pair, one: ResultConflict) -> None:
        other, task_id = pair
        self._context.notify(kind, task_id=task_id, other=other, conflict=conflict_content(one))
        where = ", ".join(map(display, one.paths)) or one.detail
        verb = "conflicts" if kind == "conflict_foreseen" else "no longer conflicts"
        for name, opposite in ((task_id, one.first), (other, one.second)):
            if name is not None and name in running:
                running[name].log.note(f"{verb} with {display(opposite)}: {where}")
