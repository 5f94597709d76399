"""The driver: carries out what the machine commands, with the workers of an executor. It decides nothing."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from gitalign.core.events import EventKind
from gitalign.core.machine import (
    CancelRequested,
    Command,
    Conclude,
    MachineEvent,
    MemoryChanged,
    RetryDue,
    RetryLater,
    Start,
    StepDone,
    StepRaised,
    StopRequested,
    Trip,
    advance,
    begin,
)
from gitalign.core.names import StepId
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Step
from gitalign.core.policy import Limits
from gitalign.engine.runtime.limits import MemoryWatch, worker_count
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError
from gitalign.executors.threads import ThreadExecutor
from gitalign.ports import Aligner, Emitter, Executor
from gitalign.shortages import shortage_of

_LOG = logging.getLogger("gitalign.driver")
_IDLE_S = 0.5
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0


class _Cancel:
    """What a worker is shown: has the operator cancelled, and until when may this branch take."""

    def __init__(self, stop: StopSignal, deadline: float) -> None:
        self._stop = stop
        self.deadline = deadline

    @property
    def is_cancelled(self) -> bool:
        return self._stop.cancel_requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """What carries steps out, and how.

    Attributes:
        limits: bounds of the run.
        aligner: does the work; called from several threads, one per worker number.
        emit: takes events.
        stop: the stop signal.
        jitter: a number between two others, for delays between attempts.
    """

    limits: Limits
    aligner: Aligner
    emit: Emitter
    stop: StopSignal
    jitter: Callable[[float, float], float]


def drive(
    steps: Sequence[Step],
    workforce: Workforce,
    *,
    already: Mapping[StepId, StepResult] | None = None,
    executor_of: Callable[[int], Executor] = ThreadExecutor,
) -> tuple[StepResult, ...]:
    """Bring every step to its outcome.

    Args:
        steps: in plan order.
        workforce: carries them out.
        already: results known before anything starts.
        executor_of: makes that many workers.

    Returns:
        One result per step, in step order.
    """
    slots = worker_count(workforce.limits, len({step.target.name for step in steps}))
    executor = executor_of(slots)
    try:
        return _Drive(steps, workforce, executor, dict(already or {})).run(slots)
    finally:
        executor.close()


class _Drive:
    def __init__(
        self, steps: Sequence[Step], workforce: Workforce, executor: Executor, results: dict[StepId, StepResult]
    ) -> None:
        self._steps = steps
        self._limits = workforce.limits
        self._aligner = workforce.aligner
        self._emit = workforce.emit
        self._stop = workforce.stop
        self._results = results
        self._jitter = workforce.jitter
        self._executor = executor
        self._happened: queue.SimpleQueue[MachineEvent | None] = queue.SimpleQueue()
        self._due: list[tuple[float, StepId]] = []
        self._started = 0
        self._done = 0
        self._is_high = False

    def run(self, slots: int) -> tuple[StepResult, ...]:
        for step_id, result in sorted(self._results.items()):
            self._finished(step_id, result)
        state, commands = begin(
            self._steps,
            limits=self._limits,
            slots=slots,
            already={step_id: result.outcome for step_id, result in self._results.items()},
        )
        memory = MemoryWatch(self._limits.max_memory_bytes)
        told_stop = told_cancel = False
        unsubscribe = self._stop.on_change(lambda: self._happened.put(None))
        try:
            self._carry_out(commands)
            while not state.is_done:
                for event in self._wait(memory):
                    state, commands = advance(state, event)
                    self._carry_out(commands)
                if self._stop.stop_requested and not told_stop:
                    told_stop = True
                    self._emit(EventKind.STOP_REQUESTED)
                    state, commands = advance(state, StopRequested())
                    self._carry_out(commands)
                if self._stop.cancel_requested and not told_cancel:
                    told_cancel = True
                    state, commands = advance(state, CancelRequested())
                    self._carry_out(commands)
        finally:
            unsubscribe()
        return tuple(self._results[step.id] for step in self._steps)

    def _wait(self, memory: MemoryWatch) -> list[MachineEvent]:
        """What happened since; waits until something does."""
        happened: list[MachineEvent] = []
        if self._is_high:
            # A worker that has nothing to do while memory is short gives back what its git processes hold.
            for worker in self._executor.resting():
                self._aligner.rest(worker)
        now = time.monotonic()
        timeout = min([_IDLE_S, *(max(0.0, at - now) for at, _ in self._due)])
        try:
            first = self._happened.get(timeout=timeout)
            if first is not None:
                self._back(first)
                happened.append(first)
        except queue.Empty:
            pass
        now = time.monotonic()
        for at, step_id in [pair for pair in self._due if pair[0] <= now]:
            self._due.remove((at, step_id))
            happened.append(RetryDue(step_id))
        high = memory.changed()
        if high is not None:
            self._is_high = high
            self._emit(EventKind.NOTICE, text=memory.in_words(is_high=high))
            happened.append(MemoryChanged(high))
        return happened

    def _back(self, event: MachineEvent) -> None:
        """A worker is free again, and its step has a result unless the machine concludes otherwise."""
        if isinstance(event, StepDone):
            self._finished(event.step, self._results[event.step])

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Start(step_id, attempt):
                    self._start(self._steps[step_id], attempt)
                case RetryLater(step_id, attempt, code, message):
                    # Full jitter: any moment up to the doubled delay (transient failures only; the machine sees to that).
                    longest = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (attempt - 1))
                    self._due.append((time.monotonic() + self._jitter(0, longest), step_id))
                    self._emit(
                        EventKind.STEP_RETRIED,
                        branch=self._steps[step_id].branch.name,
                        target=self._steps[step_id].target.name,
                        attempt=attempt,
                        code=code,
                        reason=message,
                    )
                case Conclude(step_id, outcome):
                    self._finished(
                        step_id, StepResult(step_id=step_id, branch=self._steps[step_id].branch.name, outcome=outcome)
                    )
                case Trip(scope, failures, finished):
                    self._emit(EventKind.BREAKER_TRIPPED, target=scope, failures=failures, finished=finished)
                case _ as never:
                    assert_never(never)

    def _start(self, step: Step, attempt: int) -> None:
        worker = self._executor.take_in(step.stack)
        if attempt == 1:
            self._started += 1
        self._emit(
            EventKind.STEP_STARTED,
            branch=step.branch.name,
            target=step.target.name,
            worker=worker,
            attempt=attempt,
            own_commits=step.own_commits,
            number=self._started,
            of=len(self._steps),
        )
        self._executor.submit(worker, lambda: self._work(step, attempt, worker), self._happened.put)

    def _work(self, step: Step, attempt: int, worker: int) -> MachineEvent:
        """Runs in a worker thread; always ends in exactly one event."""
        try:
            deadline = time.monotonic() + self._limits.branch_timeout_s
            result = self._aligner.align(step, worker=worker, attempt=attempt, cancel=_Cancel(self._stop, deadline))
            if (result.attempts, result.worker) != (attempt, worker):
                result = replace(result, attempts=attempt, worker=worker)
            self._results[step.id] = result
            return StepDone(step.id, result.outcome)
        except GitAlignError as error:
            return StepRaised(step.id, attempt, error.code, error.message, error.hint, error.retryable)
        except (
            BaseException
        ) as error:  # in a worker thread also SystemExit: without an event the run would wait for ever
            if (short := shortage_of(error)) is not None:
                return StepRaised(step.id, attempt, short.code, short.message, short.hint, False)
            _LOG.exception("a bug met branch %s", step.branch.name)
            return StepRaised(
                step.id,
                attempt,
                "bug",
                f"{type(error).__name__}: {error}",
                "please report this with the log of the run",
                False,
            )

    def _finished(self, step_id: StepId, result: StepResult) -> None:
        self._results[step_id] = result
        self._done += 1
        step = self._steps[step_id]
        outcome = result.outcome
        self._emit(
            EventKind.STEP_FINISHED,
            branch=step.branch.name,
            target=step.target.name,
            outcome=outcome.kind,
            code=getattr(outcome, "code", None),
            reason=getattr(outcome, "reason", None),
            duration_s=round(result.duration_s, 6),
            worker=result.worker,
            done=self._done,
            of=len(self._steps),
        )
