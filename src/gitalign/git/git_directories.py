"""Where a repository's directories are, read from its files alone: for who must not start git, and may find none there.

Source: `git help repository-layout` (commondir, gitdir, worktrees), `git help gitglossary` (gitfile).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LONGEST_POINTER = 8_192
_MOST_WORK_TREES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GitDirectories:
    """Directories of one repository; every path is absolute and without links.

    Attributes:
        common_dir: holds refs and objects.
        git_dir: of the work tree that was named.
        work_tree: that was named; None in a bare repository.
    """

    common_dir: str
    git_dir: str
    work_tree: str | None

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the common directory: equal for each name of the same repository. None when it is gone."""
        try:
            seen = os.stat(self.common_dir)
        except OSError:
            return None
        return seen.st_dev, seen.st_ino

    def linked_work_trees(self) -> Iterator[str]:
        """Paths of linked work trees, as git wrote them down, also of those that are gone; a bounded number."""
        with suppress(OSError), os.scandir(Path(self.common_dir, "worktrees")) as entries:
            for _, entry in zip(range(_MOST_WORK_TREES), entries, strict=False):
                pointer = _pointer(Path(entry.path, "gitdir"), prefix="")
                if pointer is not None:
                    yield os.path.normpath(os.path.dirname(os.path.join(entry.path, pointer)))

    def listed_at(self) -> int:
        """When a linked work tree was last added or removed, in nanoseconds; 0 when there never was one."""
        try:
            return os.stat(os.path.join(self.common_dir, "worktrees")).st_mtime_ns
        except OSError:
            return 0


def git_directories(path: str) -> GitDirectories | None:
    """The directories of the repository at a path, or above it.

    Args:
        path: a work tree, a folder in one, or a git directory.

    Returns:
        None where there is none, or where it cannot be seen.
    """
    place = Path(os.path.realpath(path))
    for folder in (place, *place.parents):
        if _is_git_dir(folder):
            return _of(folder, None)
        inside = folder / ".git"
        if _is_git_dir(inside):
            return _of(inside, folder)
        pointer = _pointer(inside, prefix="gitdir: ")
        if pointer is not None:
            linked = Path(os.path.realpath(os.path.join(folder, pointer)))
            return _of(linked, folder) if _is_git_dir(linked) else None
    return None


def _of(git_dir: Path, work_tree: Path | None) -> GitDirectories:
    shared = _pointer(git_dir / "commondir", prefix="")
    common = str(git_dir) if shared is None else os.path.join(git_dir, shared)
    return GitDirectories(
        common_dir=os.path.realpath(common),
        git_dir=os.path.realpath(git_dir),
        work_tree=None if work_tree is None else str(work_tree),
    )


def _is_git_dir(folder: Path) -> bool:
    with suppress(OSError):
        return (folder / "HEAD").is_file() and ((folder / "objects").is_dir() or (folder / "commondir").is_file())
    return False


def _pointer(file: Path, *, prefix: str) -> str | None:
    """The path in a file of git's that names another folder; None when it is not such a file."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as content:
            line = os.fsdecode(content.read(_LONGEST_POINTER)).rstrip("\r\n")
    except OSError:
        return None
    return line.removeprefix(prefix) if line.startswith(prefix) and line != prefix and "\0" not in line else None
