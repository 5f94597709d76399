"""A second thread beside each thread that has detectors look: it can be left behind when they are late.

It stays between two calls: to start one for each branch costs as much as most detectors take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Look = Callable[[], None]
_Asked = SimpleQueue[tuple[Look, SimpleQueue[None]] | None]


class SecondThreads:
    """One for each thread that asks for it."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def looked(self, look: Look, *, within_s: float) -> bool:
        """Call a function in the second thread of this thread, and wait for its end.

        Args:
            look: raises nothing.
            within_s: how long to wait, in seconds.

        Returns:
            False when it was not over in time. Its thread, a daemon that holds up nothing, is left behind and not used again.

        Raises:
            RuntimeError: no thread can be started.
        """
        second: _SecondThread | None = getattr(self._of_thread, "second", None)
        self._of_thread.second = None  # should waiting be interrupted, it is late as well
        if second is None or not second.is_alive:  # a process that was forked has none of its parent's threads
            second = _SecondThread()
        is_over = second.call(look, within_s)
        if is_over:
            self._of_thread.second = second
        return is_over


class _SecondThread:
    """Ends when nothing refers to it any more, at the latest with the thread that it belongs to."""

    def __init__(self) -> None:
        self._asked: _Asked = SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._asked,), name="detectors", daemon=True)
        self._thread.start()

    def __del__(self) -> None:
        self._asked.put(None)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def call(self, look: Look, within_s: float) -> bool:
        over: SimpleQueue[None] = SimpleQueue()
        self._asked.put((look, over))
        try:
            over.get(timeout=within_s)
        except Empty:
            return False
        return True


def _serve(asked: _Asked) -> None:
    while (task := asked.get()) is not None:
        look, over = task
        look()
        del task, look  # what it looked at is not held until the next one comes
        over.put(None)
