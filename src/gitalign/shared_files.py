"""Files and folders of ours in a git directory that several users share (`core.sharedRepository`).

Where a repository is shared, its folders carry the set-group-id bit, as git makes them. What is made in such a folder, or in
one that is closed to all others, takes over its permissions; anywhere else the umask decides, as for every program.

Source: `git help config`, core.sharedRepository; git's path.c (calc_shared_perm, adjust_shared_perm).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_NAMES = {
    "": 0o660,
    "true": 0o660,
    "group": 0o660,
    "1": 0o660,
    "all": 0o664,
    "world": 0o664,
    "everybody": 0o664,
    "2": 0o664,
}
_PRIVATE = frozenset({"umask", "false", "0"})


def share_folder(folder: Path, setting: str) -> None:
    """Make a folder if it is not there, with the permissions that `core.sharedRepository` asks for.

    Args:
        folder: its parents are there.
        setting: the value of `core.sharedRepository`, `umask` where it is not set.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        folder.mkdir()
    found = folder.stat()
    mode = stat.S_IMODE(found.st_mode)
    wanted = _folder_mode(mode, setting.strip().lower())
    if wanted != mode and found.st_uid == os.geteuid():
        folder.chmod(wanted)


def make_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder, and those above it where `parents` says so; what is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if parents:
        make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    above = folder.parent.stat().st_mode
    if _hands_down(above):
        with suppress(OSError):
            folder.chmod(stat.S_IMODE(above))


def adopt(file: Path, *, most: int = 0o666) -> None:
    """Give a file that was made just now the permissions of the folder it is in, at most some; another user's stays as it is."""
    with suppress(OSError):
        above = file.parent.stat().st_mode
        found = file.stat()
        wanted = (above & most) | stat.S_IRUSR | (found.st_mode & stat.S_IWUSR)
        if _hands_down(above) and stat.S_IMODE(found.st_mode) != wanted and found.st_uid == os.geteuid():
            file.chmod(wanted)


def hands_down(folder: Path) -> bool:
    """Whether what is made in a folder takes over its permissions (`adopt`): asked once where many files are made in it."""
    return _hands_down(folder.stat().st_mode)


def share(folder: Path, *, into: Path) -> None:
    """Give a folder made elsewhere, and the files in it, the permissions of the one that it is moved into."""
    with suppress(OSError):
        above = into.stat().st_mode
        if above & stat.S_ISGID:
            folder.chmod(stat.S_IMODE(above))
            for file in folder.iterdir():
                adopt(file)


def _hands_down(folder: int) -> bool:
    """Shared folders do, and those of one user alone (`core.sharedRepository=0600`)."""
    return bool(folder & stat.S_ISGID) or not folder & 0o077


def _folder_mode(mode: int, setting: str) -> int:
    if setting in _PRIVATE:
        return mode
    if setting in _NAMES:
        mode |= _NAMES[setting]
    else:
        try:
            mode = (mode & ~0o777) | (int(setting, 8) & 0o666)
        except ValueError:
            return mode
    mode |= (mode & 0o444) >> 2  # folders are entered by those who may read
    return mode | stat.S_ISGID if mode & 0o060 else mode
