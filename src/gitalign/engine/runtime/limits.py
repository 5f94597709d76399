"""What bounds a run, and what it used: memory and processor time of the process tree, and how many workers make sense."""

from __future__ import annotations

import os
import resource
import time
from contextlib import suppress

import psutil

from gitalign.core.policy import GroupExecution, Limits

_SAMPLE_S = 0.5
_LOW = 0.8
_MB = 1024 * 1024
_PAGE_BYTES = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")


class MemoryWatch:
    """Samples the memory of this process and its children, at most twice a second."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit = limit_bytes
        self._process = psutil.Process()
        self._sampled = 0.0
        self._is_high = False
        self._used = 0
        self.peak_tree_bytes = 0

    def changed(self) -> bool | None:
        """True or False when the bound was crossed upwards or downwards since the last call, None when nothing changed."""
        now = time.monotonic()
        if self._limit is None or now - self._sampled < _SAMPLE_S:
            return None
        self._sampled = now
        used = self._used = tree_bytes(self._process)
        self.peak_tree_bytes = max(self.peak_tree_bytes, used)
        high = used >= self._limit if not self._is_high else used >= self._limit * _LOW
        if high == self._is_high:
            return None
        self._is_high = high
        return high

    def in_words(self, *, is_high: bool) -> str:
        """What crossing the bound means, for the person who watches."""
        used, bound = self._used // _MB, (self._limit or 0) // _MB
        if not is_high:
            return f"memory is below its bound again: {used} MB"
        return (
            f"memory bound reached: git-align and its git processes hold {used} MB, max_memory_mb is {bound}; until it is below "
            f"{int(bound * _LOW)} MB, one branch at a time goes on. What is under way is not ended, so the peak can be higher"
        )

    @staticmethod
    def peak_own_bytes() -> int:
        """Largest memory this process ever had, without its children, in bytes."""
        # What getrusage tells lives on through exec: a small command started by a large program would seem large (`man 5 proc`, VmHWM).
        with suppress(OSError, ValueError, IndexError), open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tree_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and all its children, in bytes; what several of them map (packs of git) counts once for each."""
    pids = _tree(process.pid)
    if pids is not None:
        return sum(map(_resident_bytes, pids))
    total = 0
    for one in (process, *_children(process)):
        try:
            total += one.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def _tree(pid: int) -> list[int] | None:
    """A process and all below it; None where the kernel does not list the children of a thread.

    psutil reads about every process of the machine for it, several times a second in every run.

    Source: `man 5 proc`, /proc/pid/task/tid/children. A child that begins or ends meanwhile may be left out.
    """
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return None
    pids = [pid]
    for parent in pids:
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                with suppress(OSError), open(f"/proc/{parent}/task/{thread}/children", "rb") as listed:
                    pids += map(int, listed.read().split())
    return pids


def processor_s() -> float:
    """Seconds of processor time that this process and all it has started used so far, those that are still running included."""
    used = os.times()
    ours = used.user + used.system + used.children_user + used.children_system
    return ours + sum(map(_processor_s, (_tree(psutil.Process().pid) or [])[1:]))


def _processor_s(pid: int) -> float:
    """Source: `man 5 proc`, /proc/pid/stat: 14 to 17, in ticks, counted behind the name. 0 for a process that has ended."""
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as stat:
        return sum(map(int, stat.read().rpartition(b")")[2].split()[11:15])) / _TICKS
    return 0.0


def _resident_bytes(pid: int) -> int:
    """Source: `man 5 proc`, /proc/pid/statm: the second number, in pages. 0 for a process that has ended."""
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as sizes:
        return int(sizes.read().split()[1]) * _PAGE_BYTES
    return 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def worker_count(limits: Limits, groups: int) -> int:
    """Workers of a run: as many as its groups may have together, no more than git operations are allowed or processors exist.

    A worker has one git operation under way at a time; more workers than processors only wait for one another.
    """
    side_by_side = 1 if limits.group_execution is GroupExecution.SEQUENTIAL else max(1, groups)
    return max(1, min(limits.workers * side_by_side, limits.max_git_processes, max(2, processors())))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
