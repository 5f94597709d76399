"""Watching a run: a bar with X of Y, targets and time left, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitalign.cli.console import Options, console
from gitalign.core.events import Event, EventKind
from gitalign.core.names import display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from gitalign.core.plan import Plan
    from gitalign.ports import Listener

_LINE_EVERY_S = 2.0
_STAGES = {
    EventKind.RUN_STARTED: "reading history",
    EventKind.INTEGRATION_STARTED: "aligning",
    EventKind.INTEGRATION_FINISHED: "proving",
    EventKind.FURTHEST_STARTED: "looking how far conflicting branches align",
    EventKind.FURTHEST_FINISHED: "proving",
    EventKind.VALIDATION_STARTED: "running checks",
    EventKind.VALIDATION_FINISHED: "storing objects",
    EventKind.OBJECTS_STORED: "journal",
    EventKind.PUBLISH_STARTED: "pinning",
    EventKind.PINNED: "backups",
    EventKind.BACKUPS_CREATED: "moving branches",
    EventKind.VERIFIED: "verified",
}


@contextmanager
def watching(options: Options, plan: Plan | None) -> Iterator[Sequence[Listener]]:
    """Listeners that show progress while inside; on standard error, so that standard output stays clean."""
    if options.quiet:
        yield ()
        return
    if sys.stderr.isatty() and not options.json:
        with _bars(plan) as listener:
            yield (listener,)
    else:
        yield (PlainLines(),)


@contextmanager
def _bars(plan: Plan | None) -> Iterator[Listener]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    )
    with progress:
        yield Bars(progress, plan)


class Bars:
    """One bar per target and one for the run."""

    def __init__(self, progress: Progress, plan: Plan | None) -> None:
        self._progress = progress
        self._counts: dict[str, Counter[str]] = {}
        steps = plan.steps if plan is not None else ()
        totals = Counter(step.target.name for step in steps)
        self._all = progress.add_task("[bold]all branches", total=len(steps) or None, state="")
        self._targets: dict[str, TaskID] = {
            str(name): progress.add_task(f"  {display(name)}", total=total, state="") for name, total in totals.items()
        }

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if event.kind is EventKind.STEP_FINISHED and event.target is not None:
            counts = self._counts.setdefault(event.target, Counter())
            counts[str(event.data.get("outcome"))] += 1
            self._progress.update(self._all, advance=1)
            if event.target in self._targets:
                words = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
                self._progress.update(self._targets[event.target], advance=1, state=words)
        elif event.kind is EventKind.FURTHEST_FOUND:
            words = f"how far they align: {event.data['done']} of {event.data['of']}"
            self._progress.update(self._all, state=words)
        elif event.kind is EventKind.BRANCH_VALIDATED:
            self._progress.update(self._all, state=f"checks: {event.data['done']} of {event.data['of']} branches")
        elif event.kind in _STAGES:
            self._progress.update(self._all, state=_STAGES[event.kind])
        elif event.kind is EventKind.STOP_REQUESTED:
            self._progress.update(self._all, state="stopping; once more to stop at once")


class PlainLines:
    """A line now and then: X of Y, and what each target has come to."""

    def __init__(self) -> None:
        self._shown = time.monotonic()
        self._began = time.monotonic()
        self._counts: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if event.kind is EventKind.STEP_FINISHED:
            self._counts[str(event.data.get("outcome"))] += 1
            done, total = int(event.data["done"]), int(event.data["of"])
            now = time.monotonic()
            if now - self._shown >= _LINE_EVERY_S or done == total:
                self._shown = now
                words = ", ".join(f"{number} {outcome}" for outcome, number in sorted(self._counts.items()))
                left = (now - self._began) / done * (total - done)
                self._line(
                    f"{done} of {total} branches ({words})" + (f", about {left:.0f} s left" if done < total else "")
                )
        elif event.kind is EventKind.VALIDATION_STARTED:
            self._line(f"running the checks on {event.data['branches']} branches; {event.data['confinement']}")
        elif event.kind is EventKind.FURTHEST_FOUND:
            self._now_and_then("how far conflicting branches align: {} of {}", event)
        elif event.kind is EventKind.BRANCH_VALIDATED:
            self._now_and_then("checks of {} of {} branches have ended", event)
        elif event.kind is EventKind.STOP_REQUESTED:
            self._line("stopping: what is under way ends, nothing new is started (once more to stop at once)")
        elif event.kind is EventKind.BREAKER_TRIPPED:
            self._line(
                f"circuit breaker: {event.data['failures']} of {event.data['finished']} failed in {display(event.target or 'the run')}; no more are started there"
            )
        elif event.kind is EventKind.NOTICE:
            self._line(display(str(event.data.get("text", ""))))

    def _now_and_then(self, words: str, event: Event) -> None:
        done, total = int(event.data["done"]), int(event.data["of"])
        now = time.monotonic()
        if now - self._shown >= _LINE_EVERY_S or done == total:
            self._shown = now
            self._line(words.format(done, total))

    def _line(self, words: str) -> None:
        sys.stderr.write(f"git-align: {words}\n")
        sys.stderr.flush()
