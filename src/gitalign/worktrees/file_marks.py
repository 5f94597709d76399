"""How the files of a work tree looked at one moment, and which of them have changed since, by what the system says of them.

No file is read: a change of content, mode, name or links gives a file another time of change, which no program can set.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass

_GIT_DIR = ".git"
_MOST_FILES = 50_000
_COARSE_NS = 10_000_000
_LONGEST_WAIT_S = 0.05
_TICK_S = 0.001
_SHIFT = 64


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What is not as it was.

    Attributes:
        changed: files that are others than before, or gone; paths from the top.
        added: what was not there: files, and folders of which nothing was there.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.added)


@dataclass(frozen=True, slots=True)
class FileMarks:
    """A mark of each file and folder, by folder: its path with a slash behind it, empty for the top. `.git` has none."""

    top: int
    folders: Mapping[str, Mapping[str, int]]

    def changes(self, root: str) -> FileChanges | None:
        """What has changed since; None when folders have, or take the place of files, which git itself has to look at.

        Raises:
            OSError
        """
        if _mark(os.lstat(root)) != self.top:
            return None
        changed: list[str] = []
        added: list[str] = []
        for path, known in self.folders.items():
            now = _marks_in(root, path)
            if now == known:
                continue
            added += [path + name for name in now if name not in known]
            others = [name for name, mark in known.items() if now.get(name) != mark]
            if any(_is_folder(known[name]) or _is_folder(now.get(name, 0)) for name in others):
                return None
            changed += [path + name for name in others]
        return FileChanges(tuple(sorted(changed)), tuple(sorted(added)))

    def renewed(self, root: str, paths: tuple[str, ...]) -> FileMarks | None:
        """The marks with those of some files as they are now; None when a later change could look the same.

        Raises:
            OSError: a file is not there.
        """
        folders = dict(self.folders)
        marks = []
        for path in paths:
            folder, slash, name = path.rpartition("/")
            marks.append(_mark(os.lstat(f"{root}/{path}")))
            folders[folder + slash] = {**folders[folder + slash], name: marks[-1]}
        return FileMarks(self.top, folders) if _will_differ(marks) else None


def marks_of(root: str) -> FileMarks | None:
    """Marks of all files below a folder; None when there are very many, or when a later change could look the same.

    Raises:
        OSError
    """
    folders: dict[str, dict[str, int]] = {}
    files: list[int] = []
    waiting = [""]
    while waiting:
        path = waiting.pop()
        marks = folders[path] = _marks_in(root, path)
        waiting += [f"{path}{name}/" for name, mark in marks.items() if _is_folder(mark)]
        files += [mark for mark in marks.values() if not _is_folder(mark)]
        if len(files) > _MOST_FILES:
            return None
    return FileMarks(_mark(os.lstat(root)), folders) if _will_differ(files) else None


def _marks_in(root: str, path: str) -> dict[str, int]:
    with os.scandir(f"{root}/{path}") as entries:
        marks = {entry.name: _mark(entry.stat(follow_symlinks=False)) for entry in entries}
    if not path:
        marks.pop(_GIT_DIR, None)
    return marks


def _mark(found: os.stat_result) -> int:
    """Of a file, which it is, and when it changed; of a folder, whose times say only that entries came or went, its mode."""
    if stat.S_ISDIR(found.st_mode):
        return -(found.st_ino << _SHIFT | found.st_mode)
    return found.st_ctime_ns << _SHIFT | found.st_ino


def _is_folder(mark: int) -> bool:
    return mark < 0


def _will_differ(files: list[int]) -> bool:
    """Whether every change from now on gives a file another time than it has; waits for the next tick of the clock for that.

    Not on a file system that keeps full seconds, nor when the clock was set back.
    """
    times = [mark >> _SHIFT for mark in files]
    if not times:
        return True
    if all(one % _COARSE_NS == 0 for one in times):
        return False
    newest = max(times)
    until = time.monotonic() + _LONGEST_WAIT_S
    while time.time_ns() - _COARSE_NS <= newest:  # files get the time of the last tick
        if time.monotonic() > until:
            return False
        time.sleep(_TICK_S)
    return True
