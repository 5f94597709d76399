"""Which process descends from which: read once for all that ask at the same time.

Watching a command means asking that several times a second; with many commands side by side, reading the table of the whole
machine for each of them takes more time than what is watched.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator

import psutil

_MOST_AGE_S = 0.15
_HAS_PROC = os.path.exists("/proc/self/stat")


class ProcessTable:
    """Processes by parent, as they were a moment ago. Thread-safe.

    Args:
        most_age_s: how old an answer may be.
    """

    def __init__(self, most_age_s: float = _MOST_AGE_S) -> None:
        self._most_age_s = most_age_s
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._children: dict[int, list[int]] = {}

    def family(self, pid: int) -> list[int]:
        """A process and all that descend from it; none where it has gone."""
        with self._lock:
            if time.monotonic() - self._read_at > self._most_age_s:
                self._children = _read()
                self._read_at = time.monotonic()
            children = self._children
        if not psutil.pid_exists(pid):
            return []
        found = [pid]
        for one in found:  # grows meanwhile
            found += children.get(one, ())
        return found


def _read() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in _parents_in_proc() if _HAS_PROC else _parents():
        if parent != pid:
            children[parent].append(pid)
    return dict(children)


def _parents() -> Iterator[tuple[int, int]]:
    for one in psutil.process_iter(["ppid"]):
        if one.info["ppid"] is not None:
            yield one.pid, one.info["ppid"]


def _parents_in_proc() -> Iterator[tuple[int, int]]:
    """The same, without the rest of what a process says of itself (`man 5 proc`, /proc/[pid]/stat)."""
    for pid in psutil.pids():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                yield pid, int(file.read().rpartition(b")")[2].split(None, 2)[1])
        except (OSError, ValueError, IndexError):
            continue  # it has ended


def has_in_environment(process: psutil.Process, word: str) -> bool:
    """Whether a process was started with a word in its environment; False where that cannot be known.

    Read as it lies where the system offers that: taking it apart takes several times as long.
    """
    try:
        if _HAS_PROC:
            with open(f"/proc/{process.pid}/environ", "rb") as file:
                return word.encode("utf-8", "surrogateescape") in file.read()
        return any(word in f"{key}={value}" for key, value in process.environ().items())
    except (psutil.Error, OSError):
        return False
