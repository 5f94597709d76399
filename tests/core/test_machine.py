"""The scheduling machine: bounded, ordered, complete; every step ends in exactly one outcome."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.branch import Branch
from gitalign.core.breaker import Tally, counts
from gitalign.core.machine import (
    CancelRequested,
    Conclude,
    MemoryChanged,
    RetryDue,
    RetryLater,
    Start,
    State,
    StepDone,
    StepRaised,
    StopRequested,
    Trip,
    advance,
    begin,
)
from gitalign.core.names import BranchName, Oid, StepId, TargetName
from gitalign.core.outcome import Cancelled, Conflicted, Failed, Outcome, Refused, Skipped, Unchanged
from gitalign.core.plan import Step, StepKind, Target
from gitalign.core.policy import BreakerPolicy, GroupExecution, Limits, Strategy

FINE = Unchanged(code="up_to_date", reason="r")
BROKEN = Failed(code="c", reason="r")
CONFLICT = Conflicted(commit=None, position=1, total=1, onto=Oid("0" * 40), conflicts=(), entries=())


ENDS: list[Outcome] = [FINE, BROKEN, CONFLICT]


def step(number: int, *, target: str = "main", depends_on: tuple[int, ...] = ()) -> Step:
    oid = Oid(f"{number:040x}")
    name = TargetName(target)
    return Step(
        id=StepId(number),
        branch=Branch(name=BranchName(f"b{number}"), target=name),
        target=Target(name=name, ref=f"refs/heads/{target}", oid=oid),
        kind=StepKind.REPLAY,
        strategy=Strategy.REBASE,
        seen=oid,
        onto=oid,
        own_commits=1,
        behind=1,
        stack=number,
        depends_on=tuple(map(StepId, depends_on)),
    )


def started(commands: object) -> list[int]:
    return [command.step for command in commands if isinstance(command, Start)]  # type: ignore[attr-defined]


def test_no_more_than_the_slots_and_in_order() -> None:
    state, commands = begin([step(number) for number in range(5)], limits=Limits(workers=4), slots=2)
    assert started(commands) == [0, 1]
    state, commands = advance(state, StepDone(StepId(1), FINE))
    assert started(commands) == [2]
    assert not state.is_done


def test_groups_run_side_by_side_or_one_after_another() -> None:
    steps = [step(0), step(1), step(2, target="other"), step(3, target="other")]
    _, commands = begin(steps, limits=Limits(workers=1), slots=4)
    assert started(commands) == [0, 2]
    limits = Limits(workers=2, group_execution=GroupExecution.SEQUENTIAL)
    state, commands = begin(steps, limits=limits, slots=4)
    assert started(commands) == [0, 1]
    state, commands = advance(state, StepDone(StepId(0), FINE))
    assert started(commands) == []
    state, commands = advance(state, StepDone(StepId(1), BROKEN))
    assert started(commands) == [2, 3]


def test_a_step_waits_for_the_one_it_stands_on() -> None:
    state, commands = begin([step(0), step(1, depends_on=(0,)), step(2)], limits=Limits(workers=3), slots=3)
    assert started(commands) == [0, 2]
    _, commands = advance(state, StepDone(StepId(0), CONFLICT))
    assert started(commands) == [1]


def test_transient_failures_are_tried_again_and_no_others() -> None:
    state, _ = begin([step(0)], limits=Limits(max_attempts=2), slots=1)
    state, commands = advance(state, StepRaised(StepId(0), 1, "git_timed_out", "late", "h", True))
    assert isinstance(commands[0], RetryLater)
    assert not state.is_done
    state, commands = advance(state, RetryDue(StepId(0)))
    assert commands == (Start(StepId(0), 2),)
    state, commands = advance(state, StepRaised(StepId(0), 2, "git_timed_out", "late", "h", True))
    (concluded,) = commands
    assert isinstance(concluded, Conclude)
    assert isinstance(concluded.outcome, Failed)
    assert "tried 2 times" in concluded.outcome.reason
    assert state.is_done
    state, _ = begin([step(0)], limits=Limits(max_attempts=5), slots=1)
    state, commands = advance(state, StepRaised(StepId(0), 1, "missing_object", "gone", "h", False))
    assert isinstance(commands[0], Conclude)


def test_a_bug_is_a_failure_of_the_engine() -> None:
    state, _ = begin([step(0)], limits=Limits(), slots=1)
    _, commands = advance(state, StepRaised(StepId(0), 1, "bug", "KeyError", "report", False))
    assert isinstance(commands[0], Conclude)
    assert isinstance(commands[0].outcome, Failed)
    assert commands[0].outcome.stage == "engine"


def test_breaker_opens_for_a_group_then_for_the_run() -> None:
    steps = [step(number) for number in range(10)] + [step(number, target="other") for number in range(10, 30)]
    limits = Limits(workers=1, breaker=BreakerPolicy(count=3, percent=50))
    state, _ = begin(steps, limits=limits, slots=2)
    for number in range(3):
        state, commands = advance(state, StepDone(StepId(10 + number), FINE))
    for number in range(3):
        state, commands = advance(state, StepDone(StepId(number), BROKEN))
    assert any(isinstance(command, Trip) for command in commands)
    skipped = [command for command in commands if isinstance(command, Conclude)]
    assert all(
        isinstance(command.outcome, Skipped) and command.outcome.code == "circuit_breaker" for command in skipped
    )
    assert skipped


def test_conflicts_count_only_on_request() -> None:
    assert not counts(CONFLICT, BreakerPolicy())
    assert counts(CONFLICT, BreakerPolicy(counts_conflicts=True))
    assert counts(BROKEN, BreakerPolicy())
    assert not counts(Refused(code="c", reason="r"), BreakerPolicy())


@pytest.mark.parametrize(
    ("policy", "finished", "failures", "tripped"),
    [
        (BreakerPolicy(), 10, 5, True),
        (BreakerPolicy(), 11, 5, False),
        (BreakerPolicy(), 4, 4, False),
        (BreakerPolicy(enabled=False), 10, 10, False),
        (BreakerPolicy(count=None), 2, 1, True),
        (BreakerPolicy(percent=None), 1000, 5, True),
        (BreakerPolicy(count=None, percent=None), 10, 10, False),
        (BreakerPolicy(count=None), 0, 0, False),
    ],
)
def test_both_thresholds_must_hold(policy: BreakerPolicy, finished: int, failures: int, tripped: bool) -> None:
    assert Tally(finished=finished, failures=failures).is_tripped(policy) is tripped


def test_stop_lets_running_steps_end_and_cancels_the_rest() -> None:
    state, _ = begin([step(number) for number in range(4)], limits=Limits(workers=1), slots=1)
    state, commands = advance(state, StopRequested())
    assert [command.step for command in commands if isinstance(command, Conclude)] == [1, 2, 3]
    assert not state.is_done
    state, commands = advance(state, StepDone(StepId(0), FINE))
    assert state.is_done
    assert commands == ()


def test_cancel_ends_waiting_retries_and_what_raises_afterwards() -> None:
    state, _ = begin([step(0), step(1)], limits=Limits(workers=2), slots=2)
    state, _ = advance(state, StepRaised(StepId(0), 1, "x", "m", "h", True))
    state, commands = advance(state, CancelRequested())
    assert [command.step for command in commands if isinstance(command, Conclude)] == [0]
    state, commands = advance(state, StepRaised(StepId(1), 1, "git_died", "m", "h", True))
    (concluded,) = commands
    assert isinstance(concluded, Conclude)
    assert isinstance(concluded.outcome, Cancelled)
    assert state.is_done
    assert advance(state, RetryDue(StepId(0))) == (state, ())
    assert advance(state, StepDone(StepId(1), FINE)) == (state, ())
    assert advance(state, StepRaised(StepId(1), 1, "x", "m", "h", True)) == (state, ())


def test_memory_pressure_leaves_one_worker_going() -> None:
    state, _ = begin([step(number) for number in range(6)], limits=Limits(workers=4), slots=3)
    state, _ = advance(state, MemoryChanged(True))
    state, commands = advance(state, StepDone(StepId(0), FINE))
    assert started(commands) == []
    state, commands = advance(state, StepDone(StepId(1), FINE))
    assert started(commands) == []
    state, commands = advance(state, StepDone(StepId(2), FINE))
    assert started(commands) == [3]
    _, commands = advance(state, MemoryChanged(False))
    assert started(commands) == [4, 5]


def test_steps_with_an_outcome_beforehand_are_not_started() -> None:
    state, commands = begin([step(0), step(1, depends_on=(0,))], limits=Limits(), slots=2, already={StepId(0): FINE})
    assert started(commands) == [1]
    assert not state.is_done


def test_outcomes_known_beforehand_count_for_the_breaker() -> None:
    """Five broken branches among hundreds that needed nothing are no reason to stop."""
    steps = [step(number) for number in range(30)]
    known: dict[StepId, Outcome] = {StepId(number): FINE for number in range(20)}
    state, _ = begin(steps, limits=Limits(workers=1), slots=1, already=known)
    for number in range(20, 26):
        state, commands = advance(state, StepDone(StepId(number), BROKEN))
        assert not any(isinstance(command, Trip) for command in commands)
    assert state.tally.finished == 26


@given(seed=st.integers(0, 2**32), count=st.integers(1, 25), slots=st.integers(1, 5), sequential=st.booleans())
def test_any_order_of_events_ends_every_step_exactly_once(seed: int, count: int, slots: int, sequential: bool) -> None:
    chance = random.Random(seed)
    steps = [step(number, target=chance.choice(["main", "other"]), depends_on=()) for number in range(count)]
    steps = [
        step(
            one.id,
            target=one.target.name,
            depends_on=tuple(
                other.id for other in steps[: one.id] if other.target.name == one.target.name and chance.random() < 0.2
            ),
        )
        for one in steps
    ]
    limits = Limits(
        workers=chance.randint(1, 3),
        max_attempts=chance.randint(1, 3),
        group_execution=GroupExecution.SEQUENTIAL if sequential else GroupExecution.PARALLEL,
        breaker=BreakerPolicy(count=chance.choice([None, 2, 5]), percent=50),
    )
    state, commands = begin(steps, limits=limits, slots=slots)
    running: dict[int, int] = {}
    waiting: set[int] = set()
    ended: dict[int, Outcome] = {}

    def carry_out(now: State) -> None:
        for command in commands:
            if isinstance(command, Start):
                assert command.step not in ended
                assert all(parent in ended for parent in steps[command.step].depends_on)
                running[command.step] = command.attempt
                waiting.discard(command.step)
            elif isinstance(command, Conclude):
                assert command.step not in ended
                ended[command.step] = command.outcome
                waiting.discard(command.step)
            elif isinstance(command, RetryLater):
                waiting.add(command.step)
        assert len(running) <= slots
        assert set(running) == set(now.running)

    carry_out(state)
    for _ in range(10_000):
        if state.is_done:
            break
        roll = chance.random()
        if running and roll < 0.7:
            at = chance.choice(sorted(running))
            attempt = running.pop(at)
            if chance.random() < 0.3:
                state, commands = advance(state, StepRaised(StepId(at), attempt, "x", "m", "h", chance.random() < 0.7))
            else:
                outcome = chance.choice(ENDS)
                assert at not in ended
                ended[at] = outcome
                state, commands = advance(state, StepDone(StepId(at), outcome))
        elif waiting and roll < 0.9:
            state, commands = advance(state, RetryDue(StepId(chance.choice(sorted(waiting)))))
        elif roll < 0.97:
            state, commands = advance(state, MemoryChanged(chance.random() < 0.5))
        elif roll < 0.99:
            state, commands = advance(state, StopRequested())
        else:
            state, commands = advance(state, CancelRequested())
        carry_out(state)
    assert state.is_done, "dead-lock"
    assert sorted(ended) == list(range(count))


def test_five_thousand_steps_are_no_burden() -> None:
    steps = [step(number, target=f"t{number % 3}") for number in range(5000)]
    began = time.process_time()
    state, commands = begin(steps, limits=Limits(workers=4), slots=8)
    running = started(commands)
    while running:
        state, commands = advance(state, StepDone(StepId(running.pop()), FINE))
        running += started(commands)
    assert state.is_done
    assert time.process_time() - began < 5
