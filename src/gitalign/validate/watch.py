"""What commands use, seen from outside, and commands that no one waits for any more."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import psutil

from gitalign.core.validation import Bounds
from gitalign.owned_folders import LOCK
from gitalign.process_owner import HeldLock, owner_is_alive, this_owner
from gitalign.validate.place import MARK, Place
from gitalign.validate.process_table import ProcessTable, has_in_environment

_LOCKED = "lock:"
_PROCESSES = ProcessTable()
_LEAST_FREE_BYTES = 128 * 1024 * 1024


class Watch:
    """Looks at what a command and all it started use. Called now and then from the one thread that waits for it."""

    def __init__(self, bounds: Bounds, place: Place, mark: str) -> None:
        self._bounds = bounds
        self._place = place
        self._mark = mark
        self._free_at_start = _free(place.root)
        self._measured_at = self._free_at_start

    def __call__(self, pid: int) -> str | None:
        """None, or which bound is passed."""
        memory, processes = _usage(pid)
        if processes > self._bounds.processes:
            return f"more than {self._bounds.processes} processes"
        if memory > self._bounds.memory_bytes:
            return f"more than {self._bounds.memory_bytes // 1024**2} MiB of memory"
        return self._disk()

    def _disk(self) -> str | None:
        free = _free(self._place.root)
        if free < _LEAST_FREE_BYTES and self._free_at_start > 2 * _LEAST_FREE_BYTES:
            return f"less than {_LEAST_FREE_BYTES // 1024**2} MiB of the disk are free"
        # Measuring a work tree takes long: only when as much has gone as could be its doing.
        if self._measured_at - free < self._bounds.disk_bytes:
            return None
        self._measured_at = free
        if _size(self._place.root, most=self._bounds.disk_bytes) > self._bounds.disk_bytes:
            return f"more than {self._bounds.disk_bytes // 1024**2} MiB of disk"
        return None

    def sweep(self) -> None:
        """Kill what left the process group: found by the mark in its environment."""
        for _ in range(5):
            stray = _marked(self._mark)
            if not stray:
                return
            for one in stray:
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    one.kill()


def new_mark(root: Path) -> str:
    """A mark that no other command has, and that says whose the command is.

    Args:
        root: of its place; the folder above holds the lock of the process that starts it.
    """
    lock = root.parent / LOCK
    owner = f"{_LOCKED}{lock}" if lock.is_file() else this_owner()
    return f"{owner}|{secrets.token_hex(12)}"


def end_orphans() -> int:
    """Kill commands of runs that are dead; how many there were.

    A command dies with its run, but for one that was being started at the very moment (PR_SET_PDEATHSIG is not set yet then).
    """
    ended = 0
    for one in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            owner, _, nonce = one.environ().get(MARK, "").rpartition("|")
            if owner and nonce and _is_dead(owner):
                one.kill()
                ended += 1
    return ended


def _is_dead(owner: str) -> bool:
    if not owner.startswith(_LOCKED):
        return not owner_is_alive(owner)
    # Not there: its run has ended well, or is in a file system that we do not see. Only a lock that is free says dead.
    lock = Path(owner.removeprefix(_LOCKED))
    return lock.is_file() and not HeldLock.is_held(lock)


def _usage(pid: int) -> tuple[int, int]:
    """(bytes of memory, processes) of a command and all it started, as far as they are still below it."""
    family = _PROCESSES.family(pid)
    return sum(map(_memory, family)), len(family)


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _marked(mark: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for one in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if has_in_environment(one, f"{MARK}={mark}") and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


def _free(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def _size(place: Path, *, most: int) -> int:
    """Bytes on disk below a folder; counting stops above `most`."""
    total = 0
    waiting = [str(place)]
    while waiting and total <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
        except OSError:
            continue
    return total
