"""Work that may take longer than a caller waits: it goes on by itself, and is asked about by a handle."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError

Work = Callable[[StopSignal], Mapping[str, Any]]
_MOST_KEPT = 100
_MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    future: Future[Mapping[str, Any]]
    stop: StopSignal
    begun_at: float


class LongWork:
    """Jobs of one server. Those that move branches wait for one another; those that look go on side by side.

    Ends of jobs are kept until a hundred others have followed.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._looking = ThreadPoolExecutor(2, thread_name_prefix="look")
        self._moving = ThreadPoolExecutor(1, thread_name_prefix="move")

    def begin(self, name: str, work: Work, *, moves: bool = False) -> str:
        """Begin a job; its handle.

        Raises:
            UserError: too many wait already.
        """
        stop = StopSignal()
        with self._lock:
            waiting = sum(not job.future.done() for job in self._jobs.values())
            if waiting >= _MOST_WAITING:
                raise UserError(
                    f"{waiting} jobs are under way already", hint="wait for one of them", code="too_many_jobs"
                )
            handle = secrets.token_hex(8)
            pool = self._moving if moves else self._looking
            self._jobs[handle] = _Job(name, pool.submit(work, stop), stop, time.monotonic())
            done = [key for key, job in self._jobs.items() if job.future.done()]
            for key in done[: max(0, len(self._jobs) - _MOST_KEPT)]:
                del self._jobs[key]
        return handle

    def answer(self, handle: str, *, wait_s: float) -> dict[str, Any]:
        """How a job stands: `{"state": "running", "handle", …}`, `{"state": "done", "handle", "document"}`, or `stopped` when
        it was stopped before it began.

        Args:
            handle: of the job.
            wait_s: so many seconds at most, when it is not done.

        Raises:
            UserError: no such job.
            GitAlignError: what the job raised.
        """
        with self._lock:
            job = self._jobs.get(handle)
        if job is None:
            raise UserError("no job has that handle", hint="begin it again", code="unknown_job")
        wait([job.future], timeout=wait_s)
        if not job.future.done():
            elapsed = round(time.monotonic() - job.begun_at, 1)
            return {"state": "running", "handle": handle, "job": job.name, "seconds": elapsed}
        if job.future.cancelled():
            return {"state": "stopped", "handle": handle, "job": job.name}
        return {"state": "done", "handle": handle, "job": job.name, "document": dict(job.future.result())}

    def stop(self, handle: str) -> None:
        """Ask a job to end early; what it moved stays in the journal, as after `Ctrl-C`.

        Raises:
            UserError: no such job.
        """
        with self._lock:
            job = self._jobs.get(handle)
        if job is None:
            raise UserError("no job has that handle", hint="begin it again", code="unknown_job")
        if not job.future.cancel():
            job.stop.request_stop()

    def close(self) -> None:
        """Ask every job to end, and wait for them."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            if not job.future.cancel() and not job.future.done():
                job.stop.request_stop()
        self._looking.shutdown()
        self._moving.shutdown()
