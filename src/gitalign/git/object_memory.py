"""Loose objects in memory (a tmpfs): a folder of our own there, bounded, found after a crash, and noticed when it goes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from gitalign.errors import GitError
from gitalign.owned_folders import is_left, left_in, own, remove_folder
from gitalign.process_owner import HeldLock

MEMORY = Path("/dev/shm")
_PREFIX = "git-align-"
_MOST_BYTES = 256 * 1024 * 1024
_LEAST_BYTES = 128 * 1024 * 1024


class MemoryLost(GitError):
    """What a run kept in memory is gone: another process removed it. Nothing of the repository is missing."""

    code = "memory_lost"
    retryable = True


class MemoryFolder:
    """A folder in memory, this process's own until it is removed.

    Attributes:
        path: of the folder.
    """

    def __init__(self, path: Path, lock: HeldLock | None) -> None:
        self.path = path
        self._lock = lock
        self._inode = _inode(path)
        self._free_at_start = free_bytes(path)
        self._budget = min(_MOST_BYTES, self._free_at_start // 2)

    @classmethod
    def claim(cls, memory: Path, *, note: Path) -> MemoryFolder | None:
        """A new folder; None when there is no memory there, or not enough. What dead processes left goes first.

        Args:
            memory: a mount point.
            note: file on disk that says where the folder is, for the process that finds it after a crash.

        Raises:
            OSError: the note cannot be written.
        """
        folder: Path | None = None
        try:
            if not os.path.ismount(memory):
                return None
            for left in left_in(memory, glob=f"{_PREFIX}*"):  # also where their repository is gone
                with contextlib.suppress(OSError):
                    remove_folder(memory, left.name)
            if free_bytes(memory) < _LEAST_BYTES:
                return None
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory))
            made = cls(folder, own(folder))
        except OSError:
            _discard(folder)
            return None
        try:
            note.write_bytes(os.fsencode(folder))
        except BaseException:
            made.remove()
            raise
        return made

    @property
    def is_lost(self) -> bool:
        """True when another process removed it, and the objects with it."""
        return _inode(self.path) != self._inode

    @property
    def is_full(self) -> bool:
        """True when more than the bound is kept there."""
        try:
            return self._free_at_start - free_bytes(self.path) >= self._budget
        except OSError:
            return False  # it is lost, which is another question

    def remove(self) -> None:
        """Delete it with everything in it."""
        _discard(self.path)
        if self._lock is not None:
            self._lock.release()


def remove_noted(note: Path, *, memory: Path = MEMORY) -> None:
    """Delete the folder that a note names, if it is in memory and its process is gone: a note may be forged."""
    with contextlib.suppress(OSError):
        folder = Path(os.fsdecode(note.read_bytes()))
        if folder.parent == memory and folder.name.startswith(_PREFIX) and is_left(folder):
            remove_folder(memory, folder.name)


def free_bytes(place: Path) -> int:
    """Free space of the file system at `place`, in bytes."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def _inode(folder: Path) -> int:
    try:
        return folder.lstat().st_ino
    except OSError:
        return -1


def _discard(folder: Path | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            remove_folder(folder.parent, folder.name)
