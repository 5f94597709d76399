"""Short-lived folders in the temporary directory, all of them in one folder of this process, so that what a killed one leaves is found.

The folder holds the lock of its process. Those of dead processes are removed when the next run begins, and reported by the doctor.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitalign.owned_folders import left_in, own
from gitalign.process_owner import HeldLock
from gitalign.tree_removal import remove_tree

PREFIX = "git-align-scratch-"

_lock = threading.Lock()
_mine: dict[int, tuple[Path, HeldLock | None]] = {}


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """A folder of its own, empty and for this user alone; deleted at the end, whatever is in it.

    Args:
        kind: a word that its name begins with.

    Raises:
        OSError: it cannot be made.
    """
    place = _new(kind)
    try:
        yield place
    finally:
        with suppress(OSError):
            remove_tree(place)


def _new(kind: str) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_own_folder()))
    except FileNotFoundError:
        # Someone tidied the temporary directory.
        with _lock:
            _mine.clear()
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_own_folder()))


def _own_folder() -> Path:
    with _lock:
        # A forked process is another owner.
        known = _mine.get(os.getpid())
        if known is None:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            known = _mine[os.getpid()] = (folder, own(folder))
        return known[0]


@atexit.register
def _remove_own() -> None:
    place, lock = _mine.pop(os.getpid(), (None, None))
    if place is not None:
        with suppress(OSError):
            remove_tree(place)
    if lock is not None:
        lock.release()


def leftovers() -> tuple[Path, ...]:
    """Folders that dead processes of this user left in the temporary directory."""
    return left_in(Path(tempfile.gettempdir()), glob=f"{PREFIX}*")


def sweep() -> None:
    """Remove them."""
    for place in leftovers():
        with suppress(OSError):
            remove_tree(place)
