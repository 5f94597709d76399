"""Events of a batch run, heard in any thread, handed to a callback in the event loop: in order, and none of them holds the run up."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar

from gitalign.batches.running.events import Callback
from gitalign.engine.runtime.signals import StopSignal

_LOG = logging.getLogger("gitalign.batches")
T = TypeVar("T")
ProgressCallback = Callback
"""Takes an event: `type`, its fields, `project_id` and `timestamp`. Ordinary functions are called as well."""


class Progress:
    """Hands events over, one after the other. Opened by `async with`, which waits at its end until all are handed over.

    Args:
        handle: takes the kind of an event and what it says.
    """

    def __init__(self, handle: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        self._handle = handle
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()

    async def __aenter__(self) -> Progress:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._hand_over())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put_nowait(None)
        await self._task

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take an event; a listener of batches. Called in any thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (kind, dict(data)))

    async def _hand_over(self) -> None:
        while (event := await self._queue.get()) is not None:
            try:
                await self._handle(*event)
            except Exception as error:
                _LOG.warning("progress of %s cannot be reported: %s: %s", event[0], type(error).__name__, error)


async def report(callback: ProgressCallback | None, event: str, data: Mapping[str, Any], *, project_id: str) -> None:
    """Call a progress callback; what it raises hurts nothing."""
    if callback is None:
        return
    now = datetime.now(UTC).isoformat()
    try:
        answer = callback({"type": event, "project_id": project_id, "timestamp": now, **data})
        if inspect.isawaitable(answer):
            await answer
    except Exception as error:
        _LOG.warning("a progress callback raised %s: %s", type(error).__name__, error)


async def in_thread(work: Callable[[], T], stop: StopSignal) -> T:
    """What `work` returns, in a thread. When the caller is cancelled, what runs is ended first, and pinned."""
    future = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop.request_cancel()
        await asyncio.wait([future])
        raise
