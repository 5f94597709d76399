"""Watching a run: a bar with its count and the time left, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.time_left import TimeLeft, in_words, weight_of
from gitalign.core.events import Event, EventKind
from gitalign.core.names import display
from gitalign.engine.runtime.signals import StopSignal, handling_signals
from gitalign.errors import GitError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from gitalign.core.plan import Plan
    from gitalign.ports import Listener

_LINE_EVERY_S = 2.0
_STAGES = {
    EventKind.RUN_STARTED: "reading history",
    EventKind.INTEGRATION_STARTED: "aligning",
    EventKind.INTEGRATION_FINISHED: "proving",
    EventKind.FURTHEST_STARTED: "looking how far they align",
    EventKind.FURTHEST_FINISHED: "proving",
    EventKind.CONFLICTS_STARTED: "looking at conflicts",
    EventKind.VALIDATION_STARTED: "running checks",
    EventKind.VALIDATION_FINISHED: "storing objects",
    EventKind.OBJECTS_STORED: "writing the journal",
    EventKind.PUBLISH_STARTED: "pinning",
    EventKind.PINNED: "backing up",
    EventKind.BACKUPS_CREATED: "moving branches",
    EventKind.VERIFIED: "verified",
}
_COUNTED = {EventKind.FURTHEST_STARTED, EventKind.CONFLICTS_STARTED, EventKind.VALIDATION_STARTED}
"""Stages whose parts are counted by events of their own."""
_PARTS = {EventKind.FURTHEST_FOUND, EventKind.CONFLICT_SEEN, EventKind.BRANCH_VALIDATED}
_MOST_TARGETS = 8
_LONGEST_BAR = 40
_SHORTEST_BAR = 6
_LONGEST_LEFT = len("about 10 h 59 min left")


@contextmanager
def watching(options: Options, plan: Plan | None) -> Iterator[Sequence[Listener]]:
    """Listeners that show progress while inside; on standard error, so that standard output stays clean."""
    if options.quiet:
        yield ()
        return
    if sys.stderr.isatty() and not options.json:
        from rich.live import Live

        bars = Bars(plan)
        with Live(bars, console=console(stderr=True), transient=True, refresh_per_second=8):
            yield (bars,)
    else:
        yield (PlainLines(plan),)


@contextmanager
def followed(options: Options, plan: Plan | None = None) -> Iterator[tuple[Sequence[Listener], StopSignal]]:
    """Listeners that show progress, and the stop button that Ctrl-C presses, for the work that is done inside."""
    stop = StopSignal()
    with handling_signals(stop), watching(options, plan) as listeners:
        try:
            yield listeners, stop
        except GitError as error:
            if stop.cancel_requested:  # a second Ctrl-C ends git processes, which is no failure of theirs
                raise KeyboardInterrupt from error
            raise


class Stage:
    """What is under way: how much of it is done, and how long the rest takes.

    Args:
        plan: whose steps are aligned; without one, every branch counts the same.
    """

    def __init__(self, plan: Plan | None) -> None:
        steps = plan.steps if plan is not None else ()
        self._weights: dict[Hashable, float] = {(step.branch.name, step.target.name): weight_of(step) for step in steps}
        self.words = ""
        self.done = 0
        self.total = len(steps)
        self._time: TimeLeft | None = None

    def take(self, event: Event, at_s: float) -> bool:
        """Take one event; True when it ended a part that is counted."""
        if event.kind in _STAGES:
            self.words = _STAGES[event.kind]
            self._time = None
            if event.kind is EventKind.INTEGRATION_STARTED:
                steps = int(event.data.get("steps", 0))
                weights = self._weights or dict.fromkeys(range(steps), 1.0)
                self.done, self.total, self._time = 0, steps or self.total, TimeLeft(at_s, weights)
            elif event.kind in _COUNTED:
                self.done, self.total = 0, int(event.data["branches"])
                self._time = TimeLeft(at_s, dict.fromkeys(range(self.total), 1.0))
            return False
        if event.kind is EventKind.STEP_FINISHED or event.kind in _PARTS:
            self.done, self.total = int(event.data["done"]), int(event.data["of"])
            key: Hashable = (event.branch, event.target)
            is_known = event.kind is EventKind.STEP_FINISHED and key in self._weights
            if self._time is not None:
                self._time.finished(key if is_known else self.done - 1, at_s)
            return True
        return False

    def left(self, now_s: float) -> str:
        """The time left in words; empty when it is not known."""
        return in_words(self.left_s(now_s))

    def left_s(self, now_s: float) -> float | None:
        """The time left in seconds; None when it is not known."""
        return self._time.left_s(now_s) if self._time is not None else None


class Bars:
    """One line for the run, and one for each target, drawn again several times a second."""

    def __init__(self, plan: Plan | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = Stage(plan)
        self._lock = threading.Lock()
        self._totals: Counter[str] = Counter(str(step.target.name) for step in plan.steps) if plan else Counter()
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in self._totals}
        self._is_stopping = False

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._stage.take(event, self._clock())
            if event.kind is EventKind.STEP_FINISHED and event.target is not None:
                self._counts.setdefault(event.target, Counter())[str(event.data.get("outcome"))] += 1
            elif event.kind is EventKind.STOP_REQUESTED:
                self._is_stopping = True

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The lines, none of them longer than the terminal."""
        with self._lock:
            yield from self._lines(options.max_width, ascii_only=options.ascii_only)

    def _lines(self, width: int, *, ascii_only: bool) -> Iterator[Text]:
        from rich.text import Text

        from gitalign.cli.rendering.plain_table import cut_line

        stage = self._stage
        now = self._clock()
        words = "stopping; Ctrl-C stops at once" if self._is_stopping else stage.words or "starting"
        shown = sorted(self._totals, key=lambda name: -self._totals[name])[:_MOST_TARGETS]
        count = f"{stage.done}/{stage.total}" if stage.total else ""
        room = max((len(f"{number}/{number}") for number in (stage.total, *self._totals.values())), default=0)
        labels = max(len(label) for label in (words, *(f"  {display(name)}" for name in shown)))
        labels = min(labels, max(len(words), width // 3))
        bar = max(_SHORTEST_BAR, min(_LONGEST_BAR, width - labels - room - _LONGEST_LEFT - 3 * 2))

        def line(label: str, done: int, total: int, count: str, tail: str) -> Text:
            full = bar * done // total if total else 0
            mark = "#" if ascii_only else "━"
            made = Text.assemble(
                cut_line(Text(label), labels),
                " " * (labels - min(labels, Text(label).cell_len) + 2),
                (mark * full, "green"),
                (("-" if ascii_only else mark) * (bar - full), "bright_black"),
                f"  {count:>{room}}  ",
                tail,
            )
            made.rstrip()
            return cut_line(made, width)

        sign = "" if ascii_only else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[int(now * 8) % 10]
        yield line(words, stage.done, stage.total, count, stage.left(now) or sign)
        for name in shown if len(self._totals) > 1 or stage.total else ():
            counts = self._counts[name]
            outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
            done, total = sum(counts.values()), self._totals[name]
            yield line(f"  {display(name)}", done, total, f"{done}/{total}", outcomes)
        if len(shown) < len(self._totals):
            yield Text(f"  and {len(self._totals) - len(shown)} more targets")


class PlainLines:
    """A line now and then: X of Y, and what each target has come to."""

    def __init__(self, plan: Plan | None = None) -> None:
        self._shown = time.monotonic()
        self._stage = Stage(plan)
        self._counts: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        is_part = self._stage.take(event, time.monotonic())
        if event.kind is EventKind.STEP_FINISHED:
            self._counts[str(event.data.get("outcome"))] += 1
            words = ", ".join(f"{number} {outcome}" for outcome, number in sorted(self._counts.items()))
            self._now_and_then(f"{{}} of {{}} branches ({words})")
        elif event.kind is EventKind.VALIDATION_STARTED:
            self._line(f"running the checks on {event.data['branches']} branches; {event.data['confinement']}")
        elif event.kind is EventKind.FURTHEST_FOUND:
            self._now_and_then("how far conflicting branches align: {} of {}")
        elif event.kind is EventKind.CONFLICT_SEEN:
            self._now_and_then("conflicts looked at: {} of {}")
        elif is_part:
            self._now_and_then("checks of {} of {} branches have ended")
        elif event.kind is EventKind.STOP_REQUESTED:
            self._line("stopping: what is under way ends, nothing new is started (Ctrl-C again stops at once)")
        elif event.kind is EventKind.BREAKER_TRIPPED:
            self._line(
                f"circuit breaker: {event.data['failures']} of {event.data['finished']} failed in {display(event.target or 'the run')}; no more are started there"
            )
        elif event.kind is EventKind.NOTICE:
            self._line(display(str(event.data.get("text", ""))))

    def _now_and_then(self, words: str) -> None:
        now = time.monotonic()
        if now - self._shown >= _LINE_EVERY_S or self._stage.done == self._stage.total:
            self._shown = now
            left = self._stage.left(now)
            self._line(words.format(self._stage.done, self._stage.total) + (f", {left}" if left else ""))

    def _line(self, words: str) -> None:
        sys.stderr.write(f"git-align: {words}\n")
        sys.stderr.flush()
