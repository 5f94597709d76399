"""Files that an operator names to be written: whole or not at all, through links, into devices and never in their place."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gitalign.errors import OutOfSpace, UserError

UNFINISHED = (".git-align-", ".new")
"""How the name of a file begins and ends that is being written; one that a killed process had begun stays behind."""


def require_writable(path: Path) -> None:
    """Refuse an output file that cannot be written before any work is done.

    Raises:
        UserError
    """
    folder = _real(path).parent
    if path.is_dir():
        raise UserError(f"{path} is a directory", hint="name a file in it")
    if path.exists() and not path.is_file() and os.access(path, os.W_OK):
        return
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist", hint=f"mkdir -p -- {shlex.quote(str(folder))}")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UserError(f"{path} cannot be written", hint="name another file")


def write_whole(path: Path, content: str | bytes | Iterable[str] | Iterable[bytes], *, mode: int | None = None) -> None:
    """Write a file so that it is there whole or not at all. What is long may come in pieces.

    A link is followed; a device or pipe is written to, never replaced.

    Args:
        path: the file.
        content: all of it.
        mode: its permissions; None for those of the file that was there, or what the umask lets through.

    Raises:
        OutOfSpace
    """
    data = _pieces(content)
    try:
        place = _real(path)
        if place.exists() and not place.is_file():
            with place.open("wb") as file:
                file.writelines(data)
            return
        _replace(place, data, mode)
    except OSError as error:
        raise OutOfSpace(
            f"cannot write {path}: {error.strerror}",
            hint="free space or name another file; what was done in the repository stands",
        ) from error


def _real(path: Path) -> Path:
    """What a path leads to; a link that leads to itself stays as it is, which `Path.resolve` calls an error of its own kind."""
    return Path(os.path.realpath(path))


def _pieces(content: str | bytes | Iterable[str] | Iterable[bytes]) -> Iterable[bytes]:
    pieces = [content] if isinstance(content, str | bytes) else content
    return (piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace") for piece in pieces)


def _replace(place: Path, data: Iterable[bytes], mode: int | None) -> None:
    """Put a file in the place of another, through one whose name cannot be foreseen, made here and by no other process."""
    # mkstemp opens with O_EXCL and O_NOFOLLOW: a link that waits under the name is never followed.
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=UNFINISHED[0], suffix=UNFINISHED[1])
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(data)
            os.fchmod(handle, _mode(place) if mode is None else mode)
            file.flush()
            os.fsync(handle)
        os.replace(name, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    with suppress(OSError):  # some file systems cannot, some folders may not be read; the file is whole all the same
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _mode(place: Path) -> int:
    """Permissions of what was there; for a new file, those that the umask lets through."""
    try:
        return stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    # Asking the system call sets it for a moment, in every thread (`man 2 umask`).
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
