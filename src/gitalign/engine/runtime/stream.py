"""The one stream of events: numbered and stamped here, followed by journal, audit trail, logs, progress bar and API."""

from __future__ import annotations

import logging
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from gitalign.core.events import Event, EventKind
from gitalign.errors import StoreError
from gitalign.ports import Listener
from gitalign.shortages import in_words, is_a_bug

_LOG = logging.getLogger("gitalign.events")
_AT_MOST_EVERY_S = 0.5
_AT_MOST_EVENTS = 500
_PATIENCE = 10
"""A journal that took no events is left alone for so many times as long as it took to say so: every branch waits meanwhile."""
_AT_ONCE = frozenset(
    {
        EventKind.RUN_STARTED,
        EventKind.RUN_FINISHED,
        EventKind.PUBLISH_STARTED,
        EventKind.PINNED,
        EventKind.VERIFIED,
        EventKind.RUN_RESUMED,
        EventKind.BATCH_RUN_STARTED,
        EventKind.BATCH_STARTED,
        EventKind.BATCH_COMPLETED,
        EventKind.BATCH_RUN_COMPLETED,
    }
)


class EventStream:
    """Makes the events of one run and passes them on, in order.

    Args:
        run_id: of every event.
        clock: the time in UTC.
        listeners: called under one lock; one that raises is reported once and then left out.
    """

    def __init__(
        self, run_id: str, clock: Callable[[], datetime], listeners: Sequence[Listener], *, first: int = 1
    ) -> None:
        self._run_id = run_id
        self._clock = clock
        self._listeners = list(listeners)
        self._lock = threading.RLock()
        self._next = first

    def __call__(self, kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
        """Emit one event. See `ports.Emitter`."""
        with self._lock:
            event = Event(
                run_id=self._run_id,
                seq=self._next,
                at=self._clock(),
                kind=EventKind(kind),
                branch=branch,
                target=target,
                data=data,
            )
            self._next += 1
            for listener in tuple(self._listeners):
                try:
                    listener(event)
                except (Exception, CancelledError) as error:  # of its own loop: the run is not cancelled
                    left_out = "a listener failed on %s and is left out from now on: %s"
                    _LOG.error(left_out, event.kind, in_words(error), exc_info=is_a_bug(error))
                    self._listeners.remove(listener)


class JournalListener:
    """Writes events to the journal, many per transaction. What the journal did not take is kept, and written with what comes next.

    Args:
        append: writes events.
    """

    def __init__(self, append: Callable[[Sequence[Event]], None]) -> None:
        self._append = append
        self._lock = threading.Lock()
        self._held: list[Event] = []
        self._most = _AT_MOST_EVENTS
        self._due = time.monotonic() + _AT_MOST_EVERY_S

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._held.append(event)
            due = time.monotonic() >= self._due or len(self._held) >= self._most
        if due or event.kind in _AT_ONCE:
            with suppress(StoreError):  # what cannot be written at the end either is said then
                self.flush()

    def flush(self) -> None:
        """Write what is held.

        Raises:
            StoreError: it is still held.
        """
        with self._lock:
            began = time.monotonic()
            try:
                self._append(self._held)
            except StoreError:
                now = time.monotonic()
                self._due = now + max(_AT_MOST_EVERY_S, _PATIENCE * (now - began))
                self._most = len(self._held) + _AT_MOST_EVENTS
                raise
            self._due = time.monotonic() + _AT_MOST_EVERY_S
            self._held, self._most = [], _AT_MOST_EVENTS


def silent(kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
    """An emitter without followers. See `ports.Emitter`."""
