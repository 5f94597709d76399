"""What this process knows of the trees of tasks that it laid out: spares git a look at files that no one has touched since."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.worktrees.file_marks import FileChanges, FileMarks

_RULES = ".gitattributes"
_A_MOMENT_S = 5.0


@dataclass(frozen=True, slots=True)
class LaidOut:
    """Files as they were laid out.

    Attributes:
        base: the commit they are of.
        index: state of the file with the index that says so.
        marks: of the files.
    """

    base: Oid
    index: tuple[int, ...]
    marks: FileMarks


@dataclass(slots=True)
class TreeMemory:
    """What this process knows of a tree.

    Attributes:
        laid_out: how its files were laid out last; None when that is not known.
        changes: what was not so when they were looked at last.
        left: what its task had changed when nothing of it ran any more, and when that was, in monotonic seconds.
        files_of: ids of all files of commits, for all trees of a repository.
    """

    laid_out: LaidOut | None = None
    changes: FileChanges | None = None
    left: tuple[FileChanges, float] | None = None
    files_of: dict[Oid, Oid] = field(default_factory=dict)

    def end_task(self) -> None:
        """What was seen last is what its task leaves: nothing of it runs any more."""
        self.left = (self.changes, time.monotonic()) if self.changes is not None else None

    def take_left(self) -> FileChanges | None:
        """What the task before left, once, when that was a moment ago."""
        left, self.left = self.left, None
        return left[0] if left is not None and time.monotonic() - left[1] < _A_MOMENT_S else None


def state_of(index: Path) -> tuple[int, ...] | None:
    """What changes when git writes an index again; None when there is none."""
    try:
        found = index.lstat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def is_rule(path: str) -> bool:
    """Whether a file says how others are written."""
    return path.rpartition("/")[2] == _RULES
