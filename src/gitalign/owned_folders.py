"""Folders of our own that a killed process leaves behind: each holds the lock of its process, and goes without following links.

Names that come from a database or a file are names in a folder we know, never paths.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gitalign.errors import InvariantBroken
from gitalign.process_owner import HeldLock, LocksUnavailable, owner_is_alive, this_owner

LOCK = "lock"
_OWNER = "owner"
_YOUNG_S = 600.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def own(folder: Path) -> HeldLock | None:
    """Mark a new folder as this process's, until the lock is released or the process ends.

    Returns:
        The lock; None where the file system has none, and the owner's name in the folder has to do.

    Raises:
        OSError
    """
    owner = folder / _OWNER
    try:
        # Another process that looks at the folder in this moment must not find a lock that is not held: `is_left`.
        lock = HeldLock.make(folder / LOCK)
    except LocksUnavailable:
        owner.write_text(this_owner(), encoding="utf-8")
        return None
    if lock is None:
        raise OSError(errno.EBUSY, "another process holds it", str(folder))
    try:
        owner.write_text(this_owner(), encoding="utf-8")
    except BaseException:
        lock.release()
        raise
    return lock


def is_left(folder: Path) -> bool:
    """Whether it is a folder of this user whose process is gone; False as well when that cannot be known.

    One without a lock was made by an earlier release, or where there are no locks: the owner it names is looked at. One
    that names none is being made at this moment, unless it is old.
    """
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        if os.path.lexists(folder / LOCK):
            with suppress(LocksUnavailable):
                return not HeldLock.is_held(folder / LOCK)
        owner = _owner_of(folder)
        if owner:
            return not owner_is_alive(owner)
        return time.time() - found.st_mtime > _YOUNG_S
    except (OSError, UnicodeDecodeError):
        return False


def _owner_of(folder: Path) -> str:
    try:
        return (folder / _OWNER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def left_in(parent: Path, *, glob: str = "*") -> tuple[Path, ...]:
    """Folders directly in `parent` whose process is gone, by name; none when `parent` is a link."""
    return tuple(sorted(one for one in parent.glob(glob) if is_left(one))) if is_folder(parent) else ()


def is_folder(path: Path) -> bool:
    """True for a folder itself; False for a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def remove_folder(root: Path, *names: str) -> None:
    """Delete `root/<names[0]>/<names[1]>/…` with everything in it; what is not there needs no deleting.

    Links below `root` are removed when they stand in the last place, and never followed.

    Raises:
        OSError: it is still there, or a link stands in the place of a folder on the way.
        InvariantBroken: a name is a path.
    """
    with suppress(FileNotFoundError), _opened(root, *names[:-1]) as folder:
        name = _checked(names[-1])
        if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=folder)
        elif not shutil.rmtree.avoids_symlink_attacks:
            raise OSError(errno.ENOTSUP, "cannot be removed without following links here", str(root.joinpath(*names)))
        else:
            try:
                shutil.rmtree(name, dir_fd=folder)
            except RecursionError as error:
                raise OSError(errno.ENAMETOOLONG, "is too deep", str(root.joinpath(*names))) from error


@contextmanager
def _opened(root: Path, *names: str) -> Iterator[int]:
    with ExitStack() as until_then:
        folder = os.open(root, _FOLDER)
        until_then.callback(os.close, folder)
        for name in names:
            folder = os.open(_checked(name), _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            until_then.callback(os.close, folder)
        yield folder


def _checked(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvariantBroken(f"{name!r} is not the name of a folder")
    return name
