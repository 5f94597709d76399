"""Handing events of a batch run to a callback, and running one in a thread of its own."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from gitalign.batches.running.events import ProgressCallback, is_being_cancelled
from gitalign.engine.runtime.signals import StopSignal

_LOG = logging.getLogger("gitalign.batches")
T = TypeVar("T")


async def report(callback: ProgressCallback | None, event: str, data: Mapping[str, Any], *, project_id: str) -> None:
    """Call a progress callback; what it raises hurts nothing."""
    if callback is None:
        return
    now = datetime.now(UTC).isoformat()
    try:
        answer = callback({"type": event, "project_id": project_id, "timestamp": now, **data})
        if inspect.isawaitable(answer):
            await answer
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
            raise
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
