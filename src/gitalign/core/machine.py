"""The scheduling state machine: events in, commands out. Pure; races become plain unit tests.

Every step ends in exactly one outcome: the driver reports it (`StepDone`), or the machine concludes it (`Conclude`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from gitalign.core.breaker import Tally
from gitalign.core.names import StepId
from gitalign.core.outcome import Cancelled, Failed, Outcome, Skipped
from gitalign.core.plan import Step
from gitalign.core.policy import BreakerPolicy, GroupExecution, Limits


@dataclass(frozen=True, slots=True)
class StepDone:
    """A worker brought a step to an outcome."""

    step: StepId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class StepRaised:
    """A worker could not: the world is broken, perhaps for a moment."""

    step: StepId
    attempt: int
    code: str
    message: str
    hint: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The delay before another attempt is over."""

    step: StepId


@dataclass(frozen=True, slots=True)
class MemoryChanged:
    """The process tree crossed its memory bound, one way or the other."""

    is_high: bool


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Start nothing new; what runs may end."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """End at once; what runs is not wanted any more."""


MachineEvent = StepDone | StepRaised | RetryDue | MemoryChanged | StopRequested | CancelRequested


@dataclass(frozen=True, slots=True)
class Start:
    """Give a step to a worker."""

    step: StepId
    attempt: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Wait, then report `RetryDue`."""

    step: StepId
    attempt: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Conclude:
    """The step ends with this outcome without (another) worker."""

    step: StepId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Trip:
    """The breaker opened. `scope` is a target, or None for the whole run."""

    scope: str | None
    failures: int
    finished: int


Command = Start | RetryLater | Conclude | Trip


@dataclass(frozen=True, slots=True)
class Group:
    """Steps of one target that wait, in the order in which they are to start."""

    target: str
    waiting: tuple[StepId, ...]
    running: int = 0
    tally: Tally = Tally()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the machine knows.

    Attributes:
        finished: bit per step id.
        retrying: steps waiting for another attempt.
        attempts: attempts made, of steps that needed more than one.
    """

    steps: tuple[Step, ...]
    group_of: tuple[int, ...]
    groups: tuple[Group, ...]
    slots: int
    per_group: int
    sequential: bool
    breaker: BreakerPolicy
    max_attempts: int
    running: frozenset[StepId] = frozenset()
    retrying: frozenset[StepId] = frozenset()
    attempts: tuple[tuple[StepId, int], ...] = ()
    finished: int = 0
    tally: Tally = Tally()
    memory_high: bool = False
    stopping: bool = False
    cancelling: bool = False

    @property
    def is_done(self) -> bool:
        """True when every step has its outcome."""
        return not self.running and not self.retrying and not any(group.waiting for group in self.groups)


def begin(
    steps: Sequence[Step], *, limits: Limits, slots: int, already: Mapping[StepId, Outcome] | None = None
) -> tuple[State, tuple[Command, ...]]:
    """The first state and what to start.

    Args:
        steps: in plan order; a step's id is its position.
        slots: workers in all.
        already: outcomes known before anything starts; the breaker counts them, but does not open for them alone.
    """
    known = already or {}
    done = 0
    total = Tally()
    tallies: dict[str, Tally] = defaultdict(Tally)
    for step_id, outcome in known.items():
        done |= 1 << step_id
        total = total.plus(outcome, limits.breaker)
        target = steps[step_id].target.name
        tallies[target] = tallies[target].plus(outcome, limits.breaker)
    members: dict[str, list[StepId]] = defaultdict(list)
    numbers: dict[str, int] = {}
    group_of: list[int] = []
    for step in steps:
        group_of.append(numbers.setdefault(step.target.name, len(numbers)))
        waiting = members[step.target.name]
        if not done >> step.id & 1:
            waiting.append(step.id)
    state = State(
        steps=tuple(steps),
        group_of=tuple(group_of),
        groups=tuple(Group(target, tuple(members[target]), tally=tallies[target]) for target in numbers),
        tally=total,
        slots=max(1, slots),
        per_group=max(1, limits.workers),
        sequential=limits.group_execution is GroupExecution.SEQUENTIAL,
        breaker=limits.breaker,
        max_attempts=limits.max_attempts,
        finished=done,
    )
    return _fill(state, [])


def advance(state: State, event: MachineEvent) -> tuple[State, tuple[Command, ...]]:
    """The next state and what to do about it."""
    commands: list[Command] = []
    match event:
        case StepDone(step, outcome):
            if step not in state.running:
                return state, ()
            state = _concluded(state, step, outcome, commands)
        case StepRaised(step, attempt, code, message, hint, retryable):
            if step not in state.running:
                return state, ()
            state = _left(state, step)
            if retryable and attempt < state.max_attempts and not (state.stopping or state.cancelling):
                commands.append(RetryLater(step, attempt + 1, code, message))
                attempts = (*(pair for pair in state.attempts if pair[0] != step), (step, attempt))
                state = replace(state, retrying=state.retrying | {step}, attempts=attempts)
            else:
                state = _conclude(state, step, _raised(state, code, message, hint, attempt), commands)
        case RetryDue(step):
            if step not in state.retrying:
                return state, ()
            at = state.group_of[step]
            group = state.groups[at]
            state = replace(
                state,
                retrying=state.retrying - {step},
                groups=_with(state.groups, at, replace(group, waiting=(step, *group.waiting))),
            )
        case MemoryChanged(is_high):
            state = replace(state, memory_high=is_high)
        case StopRequested():
            state = _empty(
                replace(state, stopping=True),
                Cancelled(reason="the run was stopped before this branch was started"),
                commands,
            )
        case CancelRequested():
            state = _empty(
                replace(state, stopping=True, cancelling=True),
                Cancelled(reason="the run was stopped before this branch was started"),
                commands,
            )
        case _ as never:
            assert_never(never)
    return _fill(state, commands)


def _raised(state: State, code: str, message: str, hint: str, attempt: int) -> Outcome:
    if state.cancelling:
        return Cancelled(reason="the run was stopped while this branch was under way")
    tried = f" (tried {attempt} times)" if attempt > 1 else ""
    return Failed(code=code, reason=f"{message}{tried}", hint=hint, stage="engine" if code == "bug" else "integrate")


def _left(state: State, step: StepId) -> State:
    """The step holds no worker any more."""
    at = state.group_of[step]
    group = state.groups[at]
    return replace(
        state, running=state.running - {step}, groups=_with(state.groups, at, replace(group, running=group.running - 1))
    )


def _conclude(state: State, step: StepId, outcome: Outcome, commands: list[Command]) -> State:
    commands.append(Conclude(step, outcome))
    return _concluded(state, step, outcome, commands)


def _concluded(state: State, step: StepId, outcome: Outcome, commands: list[Command]) -> State:
    """Count an outcome, and open the breaker when it is one too many; the step holds no worker any more."""
    at = state.group_of[step]
    before = state.groups[at]
    tally = before.tally.plus(outcome, state.breaker)
    # Each copy of the state costs as much as all that is decided here; so there is one.
    group = Group(before.target, before.waiting, before.running - (step in state.running), tally)
    state = replace(
        state,
        running=state.running - {step},
        finished=state.finished | 1 << step,
        tally=state.tally.plus(outcome, state.breaker),
        groups=_with(state.groups, at, group),
    )
    if state.tally.is_tripped(state.breaker) and any(one.waiting for one in state.groups):
        commands.append(Trip(None, state.tally.failures, state.tally.finished))
        return _empty(state, _skipped(state.tally, "the run"), commands)
    if group.tally.is_tripped(state.breaker) and group.waiting:
        commands.append(Trip(group.target, group.tally.failures, group.tally.finished))
        return _empty(state, _skipped(group.tally, group.target), commands, only=at)
    return state


def _skipped(tally: Tally, scope: str) -> Skipped:
    return Skipped(
        code="circuit_breaker",
        reason=f"{tally.failures} of {tally.finished} branches of {scope} failed; no more were started",
    )


def _empty(state: State, outcome: Outcome, commands: list[Command], *, only: int | None = None) -> State:
    """Conclude everything that waits, in one group or in all; steps between two attempts too."""
    finished = state.finished
    retrying = state.retrying
    groups = list(state.groups)
    for at, group in enumerate(groups):
        if only is not None and at != only:
            continue
        between = sorted(step for step in retrying if state.group_of[step] == at)
        for step in (*group.waiting, *between):
            commands.append(Conclude(step, outcome))
            finished |= 1 << step
        retrying -= set(between)
        groups[at] = replace(group, waiting=())
    return replace(state, finished=finished, retrying=retrying, groups=tuple(groups))


def _fill(state: State, commands: list[Command]) -> tuple[State, tuple[Command, ...]]:
    """Start what may start, one group after the other in turn."""
    if state.stopping or len(state.running) >= (allowed := _allowed(state)):
        return state, tuple(commands)
    groups, running, attempts = list(state.groups), set(state.running), dict(state.attempts)
    started = True
    while started and len(running) < allowed:
        started = False
        for at in _open_groups(state, groups):
            if len(running) >= allowed:
                break
            group = groups[at]
            if group.running >= state.per_group:
                continue
            place = next((place for place, step in enumerate(group.waiting) if _is_ready(state, step)), None)
            if place is None:
                continue
            step = group.waiting[place]
            commands.append(Start(step, attempts.get(step, 0) + 1))
            waiting = group.waiting[:place] + group.waiting[place + 1 :]
            groups[at] = Group(group.target, waiting, group.running + 1, group.tally)
            running.add(step)
            started = True
    if len(running) > len(state.running):
        state = replace(state, running=frozenset(running), groups=tuple(groups))
    return state, tuple(commands)


def _allowed(state: State) -> int:
    """Workers that may be busy now; under memory pressure one may always go on, so that the run ends."""
    return 1 if state.memory_high else state.slots


def _open_groups(state: State, groups: Sequence[Group]) -> tuple[int, ...]:
    if not state.sequential:
        return tuple(range(len(groups)))
    held = {state.group_of[step] for step in state.retrying}
    return next(((at,) for at, group in enumerate(groups) if group.waiting or group.running or at in held), ())


def _is_ready(state: State, step: StepId) -> bool:
    return all(state.finished >> parent & 1 for parent in state.steps[step].depends_on)


def _with(groups: tuple[Group, ...], at: int, group: Group) -> tuple[Group, ...]:
    return (*groups[:at], group, *groups[at + 1 :])
