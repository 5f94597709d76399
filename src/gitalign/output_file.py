"""Files that an operator names to be written: whole or not at all, through links, into devices and never in their place."""

from __future__ import annotations

import os
from pathlib import Path

from gitalign.errors import OutOfSpace, UserError


def require_writable(path: Path) -> None:
    """Refuse an output file that cannot be written before any work is done.

    Raises:
        UserError
    """
    folder = path.resolve().parent
    if path.is_dir():
        raise UserError(f"{path} is a directory", hint="name a file in it")
    if path.exists() and not path.is_file() and os.access(path, os.W_OK):
        return
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist", hint=f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UserError(f"{path} cannot be written", hint="name another file")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all.

    A link is followed; a device or pipe is written to, never replaced.

    Raises:
        OutOfSpace
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    place = path.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        if place.exists() and not place.is_file():
            place.write_bytes(data)
            return
        temporary.write_bytes(data)
        temporary.replace(place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutOfSpace(
            f"cannot write {path}: {error.strerror}",
            hint="free space or name another file; what was done in the repository stands",
        ) from error
