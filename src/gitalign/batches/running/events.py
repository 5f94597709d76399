"""Events of a batch run for those who follow it: listeners of this package, and callbacks of a caller, `async` ones as well."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

from gitalign.core.events import Event
from gitalign.ports import Listener

_LOG = logging.getLogger("gitalign.batches")
_CLOSE_S = 3.0

BatchListener = Callable[[str, Mapping[str, Any]], object]
"""Takes the kind of an event and what it says."""

ProgressCallback = Callable[[dict[str, Any]], Awaitable[None] | None]
"""Takes an event as one mapping, with its kind under `type`, as the original requests have it."""


def following(listener: BatchListener) -> Listener:
    """A follower of the event stream that hands events on. What the listener raises is reported, and hurts nothing."""

    def take(event: Event) -> None:
        try:
            listener(event.kind.value, payload_of(event))
        except (Exception, CancelledError) as error:
            _LOG.warning("a listener of batch events raised %s: %s", type(error).__name__, error)

    return take


def payload_of(event: Event) -> dict[str, Any]:
    """What an event says, with the batch run and the time."""
    target = {"target": event.target} if event.target is not None else {}
    return {**event.data, **target, "batch_run": event.run_id, "timestamp": event.at.isoformat()}


class CallbackListener:
    """A callback, plain or `async`, as a `BatchListener`. What it raises is reported, and hurts nothing.

    With `async with`, in the loop that is given, the block ends when the callback has had every event.

    Args:
        callback: called for each event, in order.
        loop: where awaitables run; None for a loop in a thread of its own. The run never waits for them.
    """

    def __init__(self, callback: ProgressCallback, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._callback = callback
        self._loop = loop
        self._own: threading.Thread | None = None
        self._before: asyncio.Future[None] | None = None
        self._left = threading.Semaphore(0)
        self._begun = 0

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take an event."""
        try:
            answer = self._callback({"type": kind, **data})
        except (Exception, CancelledError) as error:
            _report(error)
            return
        if inspect.isawaitable(answer):
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._own = threading.Thread(target=self._loop.run_forever, name="callbacks", daemon=True)
                self._own.start()
            self._begun += 1
            self._loop.call_soon_threadsafe(self._begin, answer)

    def close(self) -> None:
        """Wait for what runs in a loop of our own, for a moment, and end it."""
        if self._own is None or self._loop is None:
            return
        for _ in range(self._begun):
            if not self._left.acquire(timeout=_CLOSE_S):
                _LOG.warning("a callback of batch events did not end")
                break
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._own.join(_CLOSE_S)
        if not self._own.is_alive():
            self._loop.close()

    async def __aenter__(self) -> CallbackListener:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(0)  # what other threads handed over before is begun
        if self._before is not None:
            await asyncio.wait([self._before])

    def _begin(self, answer: Awaitable[None]) -> None:
        assert self._loop is not None
        before = self._before
        self._before = self._loop.create_task(self._after(before, answer))

    async def _after(self, before: asyncio.Future[None] | None, answer: Awaitable[None]) -> None:
        """One after the other, so that events arrive in their order."""
        try:
            if before is not None:
                await asyncio.wait([before])
            await answer
        except CancelledError as error:
            if is_being_cancelled():
                raise
            _report(error)
        except Exception as error:
            _report(error)
        finally:
            self._left.release()


def is_being_cancelled() -> bool:
    """Whether the task that runs was cancelled from outside; a callback can raise `CancelledError` by itself as well."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _report(error: BaseException) -> None:
    _LOG.warning("a progress callback raised %s: %s", type(error).__name__, error)
