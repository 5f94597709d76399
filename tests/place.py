"""Where the tests keep their repositories: in memory where there is room, which spares a fifth of the processor time.

`PYTEST_DEBUG_TEMPROOT=/tmp pytest`, or `--basetemp`, keeps them on disk. What failing tests made stays until a later run
finds it an hour old.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
NEEDED_BYTES = 3 * 1024**3
_VARIABLE = "PYTEST_DEBUG_TEMPROOT"
_KEPT_S = 3600.0


class MemoryPlace:
    """A folder in memory for the whole run; its lock says that the run goes on."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        for old in home.iterdir():
            _remove_if_left(old)
        self.path = _new(home)
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def end(self, *, is_kept: bool) -> None:
        """Remove the folder, unless it is kept for a look at what failed."""
        os.close(self._lock)
        if not is_kept:
            shutil.rmtree(self.path, ignore_errors=True)


def in_memory(memory: Path = MEMORY) -> MemoryPlace | None:
    """A place in memory; None where there is no room, or where another place is asked for."""
    if _VARIABLE in os.environ or not os.path.ismount(memory) or not os.access(memory, os.W_OK):
        return None
    if shutil.disk_usage(memory).free < NEEDED_BYTES:
        return None
    return MemoryPlace(memory / f"gat-{os.getuid()}")


def _new(home: Path) -> Path:
    """A new folder of a short name: sockets of browsers and of gpg lie deep below it, and have 108 bytes for their names."""
    while True:
        with suppress(FileExistsError):
            folder = home / secrets.token_hex(2)
            folder.mkdir(mode=0o700)
            return folder


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime < _KEPT_S:
            return
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
