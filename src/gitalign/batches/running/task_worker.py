"""One task from a free work tree to a pinned result. Runs in a thread of its own; nothing here knows of other tasks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from gitalign.batches.planning.tasks import Task, TaskId
from gitalign.batches.running.context import BatchContext, Keeper, OwnRefs
from gitalign.batches.running.hidden_files import hide_files, hiding_profile
from gitalign.batches.running.leaks import leak_words
from gitalign.batches.running.pool import Slot, prepared_key
from gitalign.batches.running.port_block import take_block
from gitalign.batches.running.run_task import Attempt, AttemptEnd, TaskPlace, run_attempt, run_setup
from gitalign.batches.running.settle import Settled, kept_notice, settle
from gitalign.batches.running.setup_files import entries_of
from gitalign.batches.running.state import Status, wip_ref
from gitalign.batches.running.task_log import TaskLog
from gitalign.batches.running.turns import Turn
from gitalign.core.names import Oid
from gitalign.errors import GitAlignError, OutOfSpace

_AGAIN = frozenset({AttemptEnd.TRANSIENT, AttemptEnd.INFRASTRUCTURE})
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that runs now: its tree, and the file with its output."""

    slot: Slot
    log: TaskLog


@dataclass(slots=True)
class _Ready:
    """A tree that was taken for a task before its turn."""

    slot: Slot | None = None
    is_laid_out: bool = False

    def handed_over(self) -> Slot | None:
        """The tree, once, if it is laid out; the caller releases it."""
        slot = self.slot if self.is_laid_out else None
        if slot is None:
            self.drop()
        self.slot = None
        return slot

    def drop(self) -> None:
        """Release the tree if nothing took it over."""
        if self.slot is not None:
            self.slot.release()
            self.slot = None


class TaskWorker:
    """Runs tasks of one batch run.

    Args:
        context: of the run.
        keeper: of its state.
        refs: of the run.
        is_cancelled: asked now and then.
    """

    def __init__(self, context: BatchContext, keeper: Keeper, refs: OwnRefs, is_cancelled: Callable[[], bool]) -> None:
        self._context = context
        self._keeper = keeper
        self._refs = refs
        self._is_cancelled = is_cancelled
        self._lock = threading.Lock()
        self._running: dict[TaskId, RunningTask] = {}
        self._attempts_left: dict[TaskId, int] = {}

    def running(self) -> dict[TaskId, RunningTask]:
        """Tasks that run now."""
        with self._lock:
            return dict(self._running)

    def run(self, task: Task, base: Oid, turn: Turn) -> AttemptEnd | None:
        """Run a task until it succeeds, fails, or has no attempt left; its state is on disk when this returns.

        Args:
            task: the task.
            base: what it starts from.
            turn: waited for when the tree is laid out, given back when the command has ended.

        Returns:
            How it ended; None when the run stops before it has begun.

        Raises:
            GitAlignError: the state cannot be written.
        """
        ready = self._laid_out_ahead(task, base)
        try:
            return self._tried(task, base, turn, ready) if turn.take() else None
        finally:
            turn.give()
            ready.drop()

    def _laid_out_ahead(self, task: Task, base: Oid) -> _Ready:
        """A tree for the first attempt; where there is none, the attempt itself meets what keeps it from that."""
        ready = _Ready()
        with suppress(GitAlignError, OSError):
            key = self._prepared(task, base)
            ready.slot = self._context.pool.take(key)
            _lay_out(ready.slot, base, key)
            ready.is_laid_out = True
        return ready

    def _tried(self, task: Task, base: Oid, turn: Turn, ready: _Ready) -> AttemptEnd:
        started = self._context.surroundings.now()
        begins: dict[str, object] = {"status": Status.RUNNING, "started_at": started, "base": base, "reason": ""}
        attempt = Attempt(end=AttemptEnd.FAILED)
        for number in range(task.max_attempts):
            if number and not (self._wait(number) and turn.take()):
                break
            self._attempts_left[task.id] = task.max_attempts - number - 1
            begun = self._keeper.run.tasks[task.id].attempts + 1
            self._put_aside(task, begun - 1)
            self._change(task, attempts=begun, wip=None, finished_at=None, **begins)
            if begins:
                begins = {}
                self._notify("task_started", task, title=task.title)
            attempt = self._attempt(task, base, turn, ready.handed_over())
            if attempt.end not in _AGAIN or self._is_cancelled():
                break
        self._notify(
            "task_completed",
            task,
            success=attempt.end is AttemptEnd.SUCCEEDED,
            duration=(self._context.surroundings.now() - started).total_seconds(),
            error=attempt.reason,
        )
        return attempt.end

    def _notify(self, kind: str, task: Task, **data: object) -> None:
        run = self._keeper.run
        (batch,) = [one.batch_id for one in run.plan.batches if task.id in one.task_ids]
        self._context.notify(kind, task_id=task.id, batch_id=batch, attempt=run.tasks[task.id].attempts, **data)

    def _put_aside(self, task: Task, number: int) -> None:
        """Keep what an earlier attempt left under a name of its own: the next one starts afresh."""
        ref = wip_ref(self._keeper.run.id, task.id)
        left = self._refs.at(ref)
        if left is not None:
            self._refs.put(f"{ref}@{number}", left)
            self._refs.drop(ref)

    def _attempt(self, task: Task, base: Oid, turn: Turn, slot: Slot | None) -> Attempt:
        """One attempt in a fresh tree. What the machine fails at is an outcome here."""
        try:
            mask = self._context.secrets.mask()
            with TaskLog(self._context.store.log_path(self._keeper.run.id, task.id), mask=mask) as log:
                return self._in_tree(task, base, log, turn, slot)
        except GitAlignError as error:
            attempt = Attempt(end=AttemptEnd.INFRASTRUCTURE, reason=error.message)
        except OSError as error:
            attempt = Attempt(end=AttemptEnd.INFRASTRUCTURE, reason=f"{error.filename}: {error.strerror}")
        self._ended(task, attempt, Settled(), kept=None)
        return attempt

    def _in_tree(self, task: Task, base: Oid, log: TaskLog, turn: Turn, slot: Slot | None) -> Attempt:
        is_laid_out = slot is not None
        key = self._prepared(task, base)
        slot = slot or self._context.pool.take(key)
        first_port, ports = take_block(self._context.settings.ports)
        try:
            place = self._place(slot, first_port)
            if not is_laid_out:
                _lay_out(slot, base, key)
            attempt = self._prepare(task, key, slot, place, log)
            if attempt is None:
                attempt = self._run_held(task, base, slot, place, log, turn)
                return attempt
            self._ended(task, attempt, Settled(), kept=None)
            return attempt
        finally:
            ports.release()
            try:
                slot.tree.drop_secrets()  # there when a full disk kept the command from being started
            finally:
                slot.release()

    def _prepare(self, task: Task, key: str, slot: Slot, place: TaskPlace, log: TaskLog) -> Attempt | None:
        """Have a tree ready that is laid out; what went wrong, or None."""
        with slot.busy:
            if fault := hide_files(self._context, self._keeper.run.id, task.id, slot.tree):
                return Attempt(end=AttemptEnd.FAILED, reason=fault)
        if task.setup is None or (key and slot.note.prepared == key):
            return None
        attempt = run_setup(task.setup, task, slot.tree, place, log, self._is_cancelled)
        if attempt.end is not AttemptEnd.SUCCEEDED:
            return attempt
        slot.write(prepared=key, keep=task.setup.keep)
        return None

    def _run_held(self, task: Task, base: Oid, slot: Slot, place: TaskPlace, log: TaskLog, turn: Turn) -> Attempt:
        """Run the command in a tree that says from now on whose work it holds."""
        slot.tree.put_secrets(self._context.secrets.files(task))
        slot.write(batch_id=self._keeper.run.id, task_id=task.id, base=base, reason="")
        self._change(task, tree=str(slot.tree.tree))
        self._notify("attempt_started", task, worktree=str(slot.tree.tree))
        slot.is_settled = False
        with self._lock:
            self._running[task.id] = RunningTask(slot, log)
        try:
            self._context.checkpoint("task")
            place = replace(place, secrets=self._context.secrets.variables(task, slot.tree.secrets))
            try:
                attempt = run_attempt(task, slot.tree, place, log, self._is_cancelled)
            finally:
                slot.tree.drop_secrets()
                turn.give()
            self._context.checkpoint("settle")
            settled = settle(self._context, self._refs, slot, task, succeeded=attempt.end is AttemptEnd.SUCCEEDED)
        finally:
            with self._lock:
                self._running.pop(task.id, None)
        if attempt.end is AttemptEnd.SUCCEEDED:
            attempt = _judged(task, attempt, settled)
        settled = replace(settled, notices=settled.notices + log.notices)
        self._ended(task, attempt, settled, kept=slot if settled.kept else None)
        ended = {
            "success": attempt.end is AttemptEnd.SUCCEEDED,
            "duration": attempt.duration_s,
            "error": attempt.reason,
        }
        self._notify("attempt_completed", task, **ended, exit_code=attempt.exit_code, result=settled.result)
        self._context.checkpoint("free")
        # Without room the note still names the task: what the tree holds is compared before it is used again.
        with suppress(OutOfSpace):
            if settled.kept:
                slot.write(reason=settled.kept)
            else:
                slot.write(batch_id="", task_id="", base="", reason="")
        return attempt

    def _ended(self, task: Task, attempt: Attempt, settled: Settled, *, kept: Slot | None) -> None:
        status = {AttemptEnd.SUCCEEDED: Status.COMPLETED, AttemptEnd.CANCELLED: Status.CANCELLED}
        known = self._keeper.run.tasks[task.id]
        notices = tuple(one for one in known.notices if one not in settled.notices) + settled.notices
        if kept is not None:
            notices += (kept_notice(known.attempts, kept, settled.kept),)
        # A task that is to be tried again has not failed: killed or stopped before that, `resume` tries it again.
        is_over = attempt.end not in _AGAIN or not self._attempts_left[task.id]
        self._change(
            task,
            status=status.get(attempt.end, Status.FAILED) if is_over else Status.PENDING,
            finished_at=self._context.surroundings.now() if is_over else None,
            result=settled.result if attempt.end is AttemptEnd.SUCCEEDED else None,
            wip=settled.wip or self._refs.at(wip_ref(self._keeper.run.id, task.id)),
            reason=attempt.reason,
            exit_code=attempt.exit_code,
            kept_in=str(kept.folder) if kept is not None else known.kept_in,  # one of an earlier attempt stays
            notices=tuple(map(self._context.secrets.redacted, notices)),
            leaks=settled.leaks,
        )

    def _change(self, task: Task, **changes: object) -> None:
        self._keeper.change(lambda run: run.with_task(task.id, **changes))

    def _wait(self, number: int) -> bool:
        """Wait before another attempt; False when there is to be none."""
        delay_s = self._context.settings.retry_after_s * 2 ** (number - 1)
        delay_s *= 1 + random.Random(self._context.surroundings.token(8)).random()
        until = time.monotonic() + delay_s
        while (left := until - time.monotonic()) > 0:
            if self._is_cancelled() or self._context.stop.stop_requested:
                return False
            time.sleep(min(left, _LOOK_S))
        return True

    def _place(self, slot: Slot, first_port: int) -> TaskPlace:
        name, _, address = self._context.ident.rpartition(" <")
        return TaskPlace(
            batch_id=self._keeper.run.id,
            slot=slot.number,
            first_port=first_port,
            ident=(name, address.removesuffix(">")),
            confinement=self._context.settings.confinement,
            bounds=self._context.settings.bounds,
            source=self._context.surroundings.environ,
        )

    def _prepared(self, task: Task, base: Oid) -> str:
        """Key of a task's set-up on its base; empty for one that is not used again."""
        # What other tasks have prepared may hold what is hidden from this one.
        if task.setup is None or hiding_profile(self._context, self._keeper.run.id, task.id) is not None:
            return ""
        git = self._context.repository.git
        return prepared_key(task.setup.argv, entries_of(git, base, task.setup.files))


def _lay_out(slot: Slot, base: Oid, key: str) -> None:
    """Have the files of a commit in a tree, with what its set-up made where that is the same.

    Raises:
        GitError, OutOfSpace
    """
    is_warm = bool(key) and slot.note.prepared == key
    if slot.note.prepared and not is_warm:
        slot.write(prepared="", keep=())
    with slot.busy:
        slot.tree.start_from(base, keep=slot.note.keep if is_warm else ())


def _judged(task: Task, attempt: Attempt, settled: Settled) -> Attempt:
    """How a task ended whose command succeeded."""
    if settled.fault:
        return Attempt(end=AttemptEnd.FAILED, reason=settled.fault, exit_code=attempt.exit_code)
    if settled.leaks:
        return Attempt(end=AttemptEnd.FAILED, reason=leak_words(settled.leaks), exit_code=attempt.exit_code)
    if task.expects_changes and settled.result is None:
        return Attempt(end=AttemptEnd.FAILED, reason="it changed nothing", exit_code=attempt.exit_code)
    return attempt
