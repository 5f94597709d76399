"""Who owns a run or a folder: the process that holds its lock.

A lock of the operating system ends with its process, however that ends, and with nothing else: clocks, process ids, PID
namespaces and host names say nothing. Owner strings (`host|boot|pid|started`) name a process to people, and judge what an
earlier release left, which took no locks.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
import stat
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from gitalign.errors import StoreError

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_HELD = frozenset({errno.EWOULDBLOCK, errno.EACCES})
_TURNS = 10
_TURN_S = 0.01


class LocksUnavailable(StoreError):
    """The file system has no locks, so it cannot be known whether a run is alive."""

    code = "no_locks"


class HeldLock:
    """An exclusive lock on a file, held until it is released or this very process ends.

    A program that this process starts does not keep it (the descriptor is closed on exec), nor does a forked process: two
    processes never hold it at once.

    Attributes:
        path: the file. It is removed when the lock is released, and stays when the process is killed.

    Source: `man 2 flock`: a lock belongs to the open file, and ends when its last descriptor is closed.
    """

    _live: ClassVar[weakref.WeakSet[HeldLock]] = weakref.WeakSet()

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        HeldLock._live.add(self)

    @classmethod
    def take(cls, path: Path) -> HeldLock | None:
        """Take the lock without waiting for another holder; None when another holds it.

        The file, and the folder it is in, are made when they are not there, with the permissions of the folder above.

        Raises:
            LocksUnavailable: the file system has no locks.
            OSError: the file cannot be made or opened, or is a link or not a plain file.
        """
        _make_folder(path.parent)
        for turn in range(_TURNS):
            if turn:
                time.sleep(_TURN_S)  # `is_held` of another process holds it for a moment
            descriptor = _open_or_make(path)
            if descriptor is None:
                continue
            try:
                # A file that lost its name before it was locked guards nothing: the holder before removed it.
                if _lock(descriptor, fcntl.LOCK_EX) and _is_file_at(descriptor, path):
                    held = cls(path, descriptor)
                    descriptor = None
                    return held
            finally:
                if descriptor is not None:
                    os.close(descriptor)
        return None

    @classmethod
    def make(cls, path: Path) -> HeldLock | None:
        """Take the lock on a new file, which no other process ever sees unlocked; as `take` when the file is there.

        Raises:
            LocksUnavailable: the file system has no locks.
            OSError: as `take`.

        Source: `man 2 link`: the second name belongs to the same file, and so to its lock.
        """
        hidden = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        lock = cls.take(hidden)
        if lock is None:
            return None
        try:
            os.link(hidden, path)
        except OSError:  # the file is there, or the file system has no second names
            lock.release()
            return cls.take(path)
        hidden.unlink()
        lock.path = path
        return lock

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a living process holds the lock; True as well when that cannot be known.

        Raises:
            LocksUnavailable: the file system has no locks.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | _OPEN)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        try:
            return not stat.S_ISREG(os.fstat(descriptor).st_mode) or not _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    @property
    def is_ours(self) -> bool:
        """True while it is held by this process, and its file still has its name: what was removed guards nothing."""
        return self._descriptor >= 0 and _is_file_at(self._descriptor, self.path)

    def release(self) -> None:
        """Give it back, and remove its file. Again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        HeldLock._live.discard(self)
        if descriptor < 0:
            return
        try:
            # Removed while it is held: a process that waits for it finds that the file has no name, and makes another.
            if _is_file_at(descriptor, self.path):
                with suppress(OSError):
                    self.path.unlink()
        finally:
            os.close(descriptor)

    def _forget(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _forget_all() -> None:
    """In a forked process: close the locks of its parent, which would outlive the parent otherwise."""
    for one in list(HeldLock._live):
        one._forget()
    HeldLock._live.clear()


os.register_at_fork(after_in_child=_forget_all)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(folder)) from None
        return
    with suppress(OSError):
        folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))


def _open_or_make(path: Path) -> int | None:
    """The file, opened; None when it came or went at that moment."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
        with suppress(OSError):
            os.fchmod(descriptor, stat.S_IMODE(path.parent.stat().st_mode) & 0o666 | 0o600)
        return descriptor
    except FileExistsError:
        pass
    try:
        try:
            descriptor = os.open(path, os.O_RDWR | _OPEN)
        except PermissionError:
            descriptor = os.open(path, os.O_RDONLY | _OPEN)  # another user's: enough for a lock, except on NFS
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return descriptor


def _lock(descriptor: int, kind: int) -> bool:
    """Try to lock; False when another holds it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno in _HELD:
            return False
        if error.errno in _NO_LOCKS:
            raise LocksUnavailable(
                f"the file system cannot lock files: {error.strerror}",
                hint="use one git-align at a time here, or move the repository to a file system that can lock files",
            ) from error
        raise


def _is_file_at(descriptor: int, path: Path) -> bool:
    held = os.fstat(descriptor)
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)


def this_owner() -> str:
    """An owner string for this process: `host|boot|pid|started`."""
    import psutil

    return f"{socket.gethostname()}|{_boot_id()}|{os.getpid()}|{psutil.Process().create_time():.2f}"


def owner_is_alive(owner: str) -> bool:
    """Whether the process behind an owner string still lives.

    True as well when that cannot be known: a process on another host, or a string of another form.
    """
    try:
        host, boot, pid, started = owner.split("|")
        number, moment = int(pid), float(started)
    except ValueError:
        return True
    if host != socket.gethostname():
        return True
    if boot != _boot_id():
        return False
    import psutil

    try:
        process = psutil.Process(number)
        return abs(process.create_time() - moment) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return f"{psutil.boot_time():.0f}"
