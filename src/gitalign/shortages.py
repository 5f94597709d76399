"""What a machine has too little of: memory, processes, open files, room on a disk. It is never a bug, and never a result."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from gitalign.errors import GitAlignError, NoResources, OutOfSpace

FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITTEN = (*FULL, errno.EFBIG, errno.EROFS)
_ROOM_BYTES = 1_048_576
"""More than git or SQLite ask for in one piece where they do not say what was missing."""


def shortage_of(error: BaseException) -> GitAlignError | None:
    """What the machine had too little of, when that is what an error says, or what it came from."""
    seen: BaseException | None = error
    while seen is not None:
        number = getattr(seen, "errno", None) if isinstance(seen, OSError) else None
        if isinstance(seen, MemoryError) or number == errno.ENOMEM or "can't start new thread" in str(seen):
            return NoResources(
                "there is not enough memory here, or not enough processes are allowed",
                hint="raise the limits (ulimit -v, ulimit -u), or set orchestration.max_workers_per_target lower; then git align resume",
            )
        if number in (errno.EAGAIN, errno.EMFILE, errno.ENFILE):
            return NoResources(
                f"a limit of this machine is reached: {os.strerror(number)}",
                hint="raise the limits (ulimit -u, ulimit -n), then git align resume",
            )
        if number in _NOT_WRITTEN:
            return OutOfSpace(
                f"cannot write{f' {seen.filename}' if isinstance(seen, OSError) and seen.filename else ''}: {os.strerror(number)}",
                hint="free some space, then git align resume",
            )
        seen = seen.__cause__ or seen.__context__
    return None


def is_a_bug(error: BaseException) -> bool:
    """Whether where it was raised matters: neither an error with a message of its own, nor a shortage."""
    return not isinstance(error, GitAlignError) and shortage_of(error) is None


def in_words(error: BaseException) -> str:
    """What went wrong, for a log: the message of an error of ours, or of a shortage; else the name of its class, too."""
    known = error if isinstance(error, GitAlignError) else shortage_of(error)
    return known.message if known is not None else f"{type(error).__name__}: {error}"


def why_no_room(folder: Path) -> str:
    """Why nothing can be written in a folder for want of room; empty where something can, or where it is for another reason."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)
    except OSError as error:
        return os.strerror(error.errno) if error.errno in FULL else ""
    return ""
