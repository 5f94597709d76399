"""The stop button: asked once, a run ends cleanly; asked twice, at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gitalign.child import ChildRegister


class StopSignal:
    """Says whether the operator asked to stop one run, and wakes those who wait for it.

    Attributes:
        processes: live children of that run, which end with it when it is cancelled; those of other runs are not touched.
    """

    def __init__(self) -> None:
        self.processes = ChildRegister()
        self._stop = threading.Event()
        self._cancel = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def stop_requested(self) -> bool:
        """Start nothing new."""
        return self._stop.is_set()

    @property
    def cancel_requested(self) -> bool:
        """End at once."""
        return self._cancel.is_set()

    def request_stop(self) -> None:
        """Ask to end cleanly."""
        self._stop.set()
        self._tell()

    def request_cancel(self) -> None:
        """Ask to end at once, and end every child process of the run."""
        self._stop.set()
        self._cancel.set()
        self._tell()
        self.processes.end_all()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` on every request; it runs inside a signal handler and must only wake someone. Returns how to leave."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


@contextmanager
def handling_signals(stop: StopSignal) -> Iterator[None]:
    """While inside: the first SIGINT, SIGTERM or SIGHUP asks to stop, a second one ends every child of the run at once.

    Only the main thread can have handlers; elsewhere this does nothing. A signal that is ignored stays ignored: `nohup`, and
    shells that start a job in the background, ask for that (`man 1p nohup`, `man 1p sh`).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.stop_requested:
            stop.request_cancel()
        else:
            stop.request_stop()

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
