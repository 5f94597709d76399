"""Merge processes that are kept busy by one thread: what is asked next is made while they work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gitalign.errors import GitError, OutOfSpace
from gitalign.git.merge_stream import Merge, MergeStream
from gitalign.integrate.at_once import Chain, Replays

_LEAST, _MOST = 16, 256
_BATCH_S = 0.1
"""How long git should have to do with what it is asked at a time: much longer than we take to ask again."""
_LONGEST_WAIT_S = 0.004
_MOST_FAILURES = 5
_LOOK_EVERY = 500


class Stopped(Exception):
    """The operator does not want the results any more."""


@dataclass(slots=True)
class _Lane:
    """One process.

    Attributes:
        ready: merges to be asked for.
        each_s: how long it takes for one, in seconds.
    """

    stream: MergeStream
    ready: deque[Merge] = field(default_factory=deque)
    each_s: float = _BATCH_S / _LEAST
    last: float = 0.0
    failures: int = 0

    @property
    def batch(self) -> int:
        """Questions to ask at a time."""
        return max(_LEAST, min(_MOST, int(_BATCH_S / self.each_s)))

    def learn(self, answers: int, now: float) -> None:
        """Take in how long the last answers took."""
        self.each_s = max(1e-5, 0.7 * self.each_s + 0.3 * (now - self.last) / answers)
        self.last = now


def carry_through(
    replays: Replays,
    chains: Iterable[Chain],
    streams: Sequence[MergeStream],
    *,
    is_stopped: Callable[[], bool],
    look: Callable[[], None],
) -> None:
    """Bring every chain to its end, or set it aside.

    Args:
        replays: says what to ask.
        chains: in the order in which they start.
        streams: processes; they work side by side.
        is_stopped: asked all the time.
        look: called now and then, for bounds of memory.

    Raises:
        Stopped
        OutOfSpace
    """
    _Crew(replays, deque(chains), [_Lane(stream) for stream in streams], look).work(is_stopped)


class _Crew:
    def __init__(self, replays: Replays, unstarted: deque[Chain], lanes: list[_Lane], look: Callable[[], None]) -> None:
        self._replays = replays
        self._unstarted = unstarted
        self._lanes = lanes
        self._look = look
        self._answers = 0

    def work(self, is_stopped: Callable[[], bool]) -> None:
        while True:
            if is_stopped():
                raise Stopped
            for lane in self._lanes:
                self._feed(lane)
            answers = sum(self._take(lane) for lane in self._lanes if lane.stream.waiting)
            self._answers += answers
            if self._answers >= _LOOK_EVERY:
                self._answers = 0
                self._look()
            busy = [lane for lane in self._lanes if lane.stream.waiting]
            if not answers and busy:
                # Not woken by each single answer: they come in several pieces each.
                time.sleep(min(_LONGEST_WAIT_S, min(lane.each_s * lane.stream.waiting for lane in busy) / 4))
            elif not busy and not self._unstarted and not any(lane.ready for lane in self._lanes):
                return

    def _feed(self, lane: _Lane) -> None:
        """Ask ahead, and see that there is something to ask."""
        batch = lane.batch
        if lane.stream.waiting > batch:
            return
        while len(lane.ready) < batch and self._unstarted:
            lane.ready.extend(self._replays.start(self._unstarted.popleft()))
        if not lane.ready and not lane.stream.waiting:
            other = max(self._lanes, key=lambda one: len(one.ready))
            lane.ready.extend(other.ready.pop() for _ in range(len(other.ready) // 2))
        if not lane.ready or (lane.stream.waiting and len(lane.ready) < batch // 2):
            return
        asked = [lane.ready.popleft() for _ in range(min(batch, len(lane.ready)))]
        if not lane.stream.waiting:
            lane.last = time.monotonic()
        try:
            lane.stream.ask(asked)
        except OutOfSpace:
            raise  # it will not be better with what is asked next
        except GitError:
            self._failed(lane)

    def _take(self, lane: _Lane) -> int:
        try:
            answers = lane.stream.answers()
        except GitError:
            self._failed(lane)
            return 0
        for merge, answer in answers:
            lane.ready.extend(self._replays.take(merge, answer))
        if answers:
            lane.learn(len(answers), time.monotonic())
        return len(answers)

    def _failed(self, lane: _Lane) -> None:
        """The process ended: its first question may be why, and is left to be asked by itself; the others are asked again."""
        unanswered = lane.stream.abandon()
        lane.failures += 1
        if unanswered:
            self._replays.give_up(unanswered[0])
        again = unanswered[1:]
        if lane.failures > _MOST_FAILURES:
            for merge in (*again, *lane.ready):
                self._replays.give_up(merge)
            lane.ready.clear()
            for chain in self._unstarted:
                chain.is_aside = True
            self._unstarted.clear()
            return
        lane.ready.extendleft(reversed(again))
