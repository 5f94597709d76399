"""Where the tests keep their repositories: in memory where there is room, which spares a fifth of the processor time.

`PYTEST_DEBUG_TEMPROOT=/tmp pytest`, or `--basetemp`, keeps them on disk. What failing tests made stays until a later run
finds it an hour old.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
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
        self.path = Path(tempfile.mkdtemp(dir=home))
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def end(self, *, is_kept: bool) -> None:
        """Remove the folder, unless it is kept for a look at what failed."""
        os.environ.pop(_VARIABLE, None)
        os.close(self._lock)
        if not is_kept:
            shutil.rmtree(self.path, ignore_errors=True)


def in_memory(memory: Path = MEMORY) -> MemoryPlace | None:
    """Have pytest make its temporary folders in memory; None where there is no room, or where another place is asked for."""
    if _VARIABLE in os.environ or not os.path.ismount(memory) or not os.access(memory, os.W_OK):
        return None
    if shutil.disk_usage(memory).free < NEEDED_BYTES:
        return None
    place = MemoryPlace(memory / f"gitalign-tests-{os.getuid()}")
    os.environ[_VARIABLE] = str(place.path)
    return place


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
