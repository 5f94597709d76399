"""Short-lived folders in the temporary directory, all of them in one folder of this process, so that what a killed one leaves is found.

The folder holds the name of its owner. Those of dead processes are removed when the next run begins, and told by the doctor.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitalign.git.disposable import remove_tree
from gitalign.process_owner import owner_is_alive, this_owner

PREFIX = "git-align-scratch-"
_OWNER = "owner"
_YOUNG_S = 600.0

_lock = threading.Lock()
_mine: dict[int, Path] = {}


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
        # Somebody tidied the temporary directory.
        with _lock:
            _mine.clear()
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_own_folder()))


def _own_folder() -> Path:
    with _lock:
        # A forked process is another owner.
        known = _mine.get(os.getpid())
        if known is None:
            known = Path(tempfile.mkdtemp(prefix=PREFIX))
            (known / _OWNER).write_text(this_owner(), encoding="utf-8")
            _mine[os.getpid()] = known
        return known


@atexit.register
def _remove_own() -> None:
    place = _mine.pop(os.getpid(), None)
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)


def leftovers() -> tuple[Path, ...]:
    """Folders that dead processes of this user left in the temporary directory."""
    return tuple(sorted(one for one in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _is_left(one)))


def sweep() -> None:
    """Remove them."""
    for place in leftovers():
        with suppress(OSError):
            remove_tree(place)


def _is_left(place: Path) -> bool:
    try:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        try:
            return not owner_is_alive((place / _OWNER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return time.time() - found.st_mtime > _YOUNG_S  # being made at this moment, perhaps
    except (OSError, UnicodeDecodeError):
        return False
