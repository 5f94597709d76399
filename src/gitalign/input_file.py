"""Files that an operator names to be read: never more of them than fits, never waiting for what no one writes."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO

from gitalign.errors import UserError

_AT_ONCE = 1024 * 1024
_WAIT_FOR_WRITER_S = 10.0


class Unreadable(UserError):
    """A file that cannot be read; the message is a sentence about it."""

    code = "unreadable_file"


def read_bounded(path: Path, *, most_bytes: int) -> bytes:
    """The contents of a file, a pipe (`<(command)`) or a device, up to a bound.

    Args:
        path: where it is; links are followed.
        most_bytes: a longer one is refused, without reading it.

    Raises:
        Unreadable: it is not there, a folder, too long, or a named pipe that nothing writes to.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    try:
        kind = os.fstat(handle)
        if stat.S_ISDIR(kind.st_mode):
            raise Unreadable(f"{path} is a directory, not a file")
        if _never_ends(handle, kind):
            raise Unreadable(f"{path} is a device, not a file")
        if stat.S_ISREG(kind.st_mode) and kind.st_size > most_bytes:
            raise _too_long(path, most_bytes)
        if stat.S_ISFIFO(kind.st_mode):
            _await_writer(path, handle)
        os.set_blocking(handle, True)
        return _read(path, handle, most_bytes)
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(handle)


def open_bounded(path: Path, *, most_bytes: int) -> BinaryIO:
    """An ordinary file, opened; what is longer than a bound, or no ordinary file, is refused.

    Raises:
        Unreadable
    """
    handle = -1
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        kind = os.fstat(handle)
        if not stat.S_ISREG(kind.st_mode):
            raise Unreadable(f"{path} is not an ordinary file")
        if kind.st_size > most_bytes:
            raise _too_long(path, most_bytes)
        return os.fdopen(handle, "rb")
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    except Unreadable:
        os.close(handle)
        raise


def _read(path: Path, handle: int, most_bytes: int) -> bytes:
    content = bytearray()
    while piece := os.read(handle, _AT_ONCE):
        content += piece
        if len(content) > most_bytes:
            raise _too_long(path, most_bytes)
    return bytes(content)


def _never_ends(handle: int, kind: os.stat_result) -> bool:
    """True for devices, but not for a terminal (`/dev/stdin`) or /dev/null."""
    if stat.S_ISBLK(kind.st_mode):
        return True
    return stat.S_ISCHR(kind.st_mode) and not os.isatty(handle) and kind.st_rdev != os.stat(os.devnull).st_rdev


def _await_writer(path: Path, handle: int) -> None:
    """Wait for the first writer of a named pipe; one that has a writer, or had one, is not waited for (`man 7 fifo`)."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    until = time.monotonic() + _WAIT_FOR_WRITER_S
    while not poll.poll(20):
        try:
            os.read(handle, 1)  # nothing is there: the end of the file without a writer, EAGAIN with one
        except BlockingIOError:
            return
        if time.monotonic() > until:
            raise Unreadable(f"{path} is a pipe that nothing writes to")


def _too_long(path: Path, most_bytes: int) -> Unreadable:
    size = f"{most_bytes // (1024 * 1024)} MiB" if most_bytes >= 1024 * 1024 else f"{most_bytes} bytes"
    return Unreadable(f"{path} is larger than {size}")
