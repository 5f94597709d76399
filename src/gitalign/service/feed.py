"""Events for streams: one task asks the database for all readers; each reader goes at its own pace.

A reader that keeps up is served from memory, one that falls behind from the database. Nothing is kept for it, so a slow
reader costs no memory and misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from gitalign.core.jobs import ServiceEvent
from gitalign.errors import GitAlignError, NoResources
from gitalign.store.service.events import EventReader

_LOG = logging.getLogger("gitalign.service")
_ASKED_EVERY_S = 0.2
_MOST_KEPT = 2_000


class _Line:
    """The newest events of one repository, as long as it has readers."""

    def __init__(self) -> None:
        self.readers = 0
        self.known = -1
        self.recent: deque[ServiceEvent] = deque(maxlen=_MOST_KEPT)
        self.changed = asyncio.Event()

    def behind(self, seq: int) -> Sequence[ServiceEvent] | None:
        """Events behind a number; None where the database has to be asked."""
        if 0 <= self.known <= seq:
            return ()
        if not self.recent or self.recent[0].seq > seq + 1:
            return None
        return [event for event in self.recent if event.seq > seq]

    def take(self, events: Sequence[ServiceEvent], last: int) -> None:
        """Add new events and wake every reader."""
        self.recent.extend(events)
        self.known = last
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class EventFeed:
    """Passes the events of repositories on to streams.

    Args:
        reader: of the database.
        most_streams: readers at once.
        stream_s: a reader is served for so long, in seconds.
    """

    def __init__(self, reader: EventReader, *, most_streams: int, stream_s: float) -> None:
        self.reader = reader
        self._most_streams = most_streams
        self._stream_s = stream_s
        self._lines: dict[str, _Line] = {}
        self.readers = 0
        self._wanted = asyncio.Event()
        self._is_over = False

    async def run(self) -> None:
        """Ask the database as long as there are readers; cancelled when the server ends."""
        while True:
            if not self._lines:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                await self._look()
            except GitAlignError as error:
                _LOG.warning("events cannot be read: %s", error.message)
            except Exception:
                _LOG.exception("events cannot be read")
            await asyncio.sleep(_ASKED_EVERY_S)

    def end(self) -> None:
        """End every stream: the server stops."""
        self._is_over = True
        for line in self._lines.values():
            line.take((), line.known)

    async def _look(self) -> None:
        last = await asyncio.to_thread(self.reader.last)
        for name, line in tuple(self._lines.items()):
            newest = last.get(name, 0)
            if newest == line.known:
                continue
            new: Sequence[ServiceEvent] = ()
            if line.known >= 0:
                new = await asyncio.to_thread(self.reader.after, name, line.known)
                newest = new[-1].seq if new else newest
            line.take(new, newest)

    def require_room(self) -> None:
        """Refuse one more reader where there are too many.

        Raises:
            NoResources
        """
        if self.readers >= self._most_streams:
            raise NoResources("too many event streams", hint="close some, or ask again later", code="too_many_streams")

    async def follow(self, repository: str, seq: int) -> AsyncGenerator[ServiceEvent, None]:
        """Events of a repository behind a number, each exactly once, in order, until the time of the reader is over.

        Args:
            repository: by name.
            seq: the last event that the reader has.
        """
        end = time.monotonic() + self._stream_s
        line = self._lines.setdefault(repository, _Line())
        line.readers += 1
        self.readers += 1
        self._wanted.set()
        try:
            while not self._is_over and time.monotonic() < end:
                changed = line.changed
                events = line.behind(seq)
                if events is None:
                    events = await asyncio.to_thread(self.reader.after, repository, seq)
                for event in events:
                    seq = event.seq
                    yield event
                if not events:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(changed.wait(), timeout=max(0.0, end - time.monotonic()))
        finally:
            self.readers -= 1
            line.readers -= 1
            if not line.readers and self._lines.get(repository) is line:
                del self._lines[repository]
