"""Workers that follow memory, load and lock waits: what is read from the machine, and the number that follows from it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil

from gitalign.core.width import Signs, Width, WidthBounds, next_width
from gitalign.engine.runtime.limits import processors, tree_bytes

_LOOK_EVERY_S = 0.5
_SMOOTH = 0.5
_OF_THE_MACHINE = 0.9
_ASK_EVERY_S = 0.1


class SignReader(Protocol):
    """Reads signs; the shares are those since the last time."""

    def read(self, *, busy: int, lock_wait_s: float) -> Signs:
        """What is to be seen now.

        Args:
            busy: workers that are.
            lock_wait_s: how long workers have waited for locks in all, up to now.
        """
        ...


class MachineSigns:
    """Reads them from the system.

    Args:
        limit_bytes: of the memory of this process and all that it started; None for nine tenths of the machine's,
            other programs included.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit = limit_bytes
        self._process = psutil.Process()
        self._at = time.monotonic()
        self._waited_s = 0.0
        self._load = _Smooth()
        self._computing = _Smooth()

    def read(self, *, busy: int, lock_wait_s: float) -> Signs:
        """See `SignReader`."""
        now = time.monotonic()
        passed = max(1e-6, now - self._at)
        own = tree_bytes(self._process)
        running = runnable()
        used, total = memory_of_the_machine()
        everything = total * _OF_THE_MACHINE
        limit = min(self._limit or everything, everything)
        signs = Signs(
            memory=max(used / everything, own / limit if self._limit else 0.0),
            memory_of_work=own / limit,
            load=self._load.add(running / processors()) if running is not None else None,
            computing=self._computing.add(_running(self._process) / max(1, busy)),
            lock_waits=(lock_wait_s - self._waited_s) / (passed * max(1, busy)),
        )
        self._at, self._waited_s = now, lock_wait_s
        return signs


class _Smooth:
    """A number that is seen now and then; what was seen earlier counts half as much with each look."""

    def __init__(self) -> None:
        self._value: float | None = None

    def add(self, seen: float) -> float:
        self._value = seen if self._value is None else _SMOOTH * seen + (1 - _SMOOTH) * self._value
        return self._value


class Scaling:
    """How many workers may go on now. Thread-safe.

    Args:
        bounds: of the number.
        reader: of signs; None for those of the machine.
        limit_bytes: see `MachineSigns`.
        first: to begin with; None for what the bounds say.
        changed: called with each change.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        bounds: WidthBounds,
        *,
        reader: SignReader | None = None,
        limit_bytes: int | None = None,
        first: int | None = None,
        changed: Callable[[Width], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._is_fixed = bounds.least >= bounds.most
        self._reader = reader or (None if self._is_fixed else MachineSigns(limit_bytes))
        self._changed = changed
        self._clock = clock
        self._lock = threading.Lock()
        self._at = clock()
        self._busy = 0
        self.allowed = bounds.first(processors()) if first is None else first
        """So many workers may go on."""

    def look(self, busy: int, *, lock_wait_s: float = 0.0) -> int:
        """Look at the machine, unless that was done a moment ago; how many workers may go on."""
        with self._lock:
            now = self._clock()
            if self._reader is None or now - self._at < _LOOK_EVERY_S:
                return self.allowed
            self._at = now
            signs = self._reader.read(busy=busy, lock_wait_s=lock_wait_s)
            width = next_width(self.allowed, signs, busy=busy, bounds=self._bounds)
            if width.allowed == self.allowed:
                return self.allowed
            self.allowed = width.allowed
        self._changed(width)
        return width.allowed

    @contextmanager
    def taking_part(self, is_over: Callable[[], bool]) -> Iterator[None]:
        """Be one of the workers inside; waits until there may be one more, or until the end of everything is asked for."""
        while not self._enter(is_over):
            time.sleep(_ASK_EVERY_S)
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _enter(self, is_over: Callable[[], bool]) -> bool:
        self.look(self._busy)
        with self._lock:
            if self._busy >= self.allowed and not is_over():
                return False
            self._busy += 1
            return True


def memory_of_the_machine(groups: Path = Path("/sys/fs/cgroup")) -> tuple[int, int]:
    """Bytes in use, and bytes that there are: of the machine, or of the container that this process is in, where that has less.

    Files that are in memory and can be dropped do not count.

    Source: the kernel's documentation of control groups (v2: memory.max, memory.current, memory.stat; v1:
    memory.limit_in_bytes, memory.usage_in_bytes).
    """
    machine = psutil.virtual_memory()
    for folder, most, used, droppable in (
        (groups, "memory.max", "memory.current", "inactive_file"),
        (groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):  # `max` stands for no limit
            total, now = (int((folder / name).read_text(encoding="ascii")) for name in (most, used))
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            if 0 < total < machine.total:
                return max(0, now - int(stat.get(droppable, 0))), total
    return machine.total - machine.available, machine.total


def runnable() -> int | None:
    """Programs that run or wait for a processor, this one left out; None where the system does not say.

    Source: `man 5 proc` (/proc/loadavg, fourth field).
    """
    with suppress(OSError, ValueError, IndexError):
        return max(0, int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0]) - 1)
    with suppress(OSError):
        return round(os.getloadavg()[0])
    return None


def _running(process: psutil.Process) -> int:
    """Programs that a process started which run, or wait for a processor: one that waits for its turn uses none."""
    total = 0
    with suppress(psutil.Error):
        for one in process.children(recursive=True):
            with suppress(psutil.Error):
                total += one.status() == psutil.STATUS_RUNNING
    return total
