"""Workers that are threads of this process. The work is done by git processes; a thread waits for answers and edits commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")


class ThreadExecutor:
    """Implements `ports.Executor`. One memory: a stack is at home with every worker.

    A stack goes to the worker that had it last where that one is free, for what its git processes have read already.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="align")
        self._lock = threading.Lock()
        self._free = list(range(workers - 1, -1, -1))
        self._last: dict[int, int] = {}

    def take_in(self, stack: int) -> int:
        """See `ports.Executor`."""
        with self._lock:
            known = self._last.get(stack)
            worker = known if known is not None and known in self._free else self._free[-1]
            self._free.remove(worker)
            self._last[stack] = worker
            return worker

    def submit(self, worker: int, work: Callable[[], R], report: Callable[[R], None]) -> None:
        """See `ports.Executor`."""

        def carry_out() -> None:
            result = work()
            with self._lock:
                self._free.append(worker)
            report(result)

        self._pool.submit(carry_out)

    def resting(self) -> Sequence[int]:
        """See `ports.Executor`."""
        with self._lock:
            return tuple(self._free)

    def close(self) -> None:
        """See `ports.Executor`."""
        self._pool.shutdown()
