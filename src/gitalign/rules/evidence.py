"""What the checkers look at: what one branch changes, read through `ports.Source`, bounded in bytes and time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.core.rules import Requirement, Spot
from gitalign.git.command import text
from gitalign.ports import Source
from gitalign.rules.globs import matches_any
from gitalign.rules.lines import added_lines, share_kept
from gitalign.rules.searcher import Searcher

MOST_BYTES = 1_000_000
"""Longer files are not read: a rule about their content is unknown."""
_MOST_HELD = 16_000_000
_MOST_ORIGINS = 20
_LEAST_ALIKE = 0.5
_REGULAR = (b"100644", b"100755")


class TimeIsUp(Exception):
    """The branch's time for house rules is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommit:
    """A commit of the branch that the target does not have."""

    oid: Oid
    message: str
    is_merge: bool


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that the branch adds or changes, as it is in the result."""

    path: str
    before: FileVersion | None
    after: FileVersion

    @property
    def is_regular(self) -> bool:
        """True for a file with content of its own: no link, no submodule."""
        return self.after[0] in _REGULAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a checker came to.

    Attributes:
        unit: what was counted, in the singular.
        judged: how many were looked at.
        fine: how many of those are in order.
        spots: what is not.
        unjudged: what could not be looked at, and why.
    """

    unit: str
    judged: int
    fine: int
    spots: Sequence[Spot] = ()
    unjudged: Sequence[Spot] = ()


class Evidence:
    """One branch under judgement.

    Args:
        base: the commit the branch is compared with.
        tip: the branch, or what a run made of it.
        commits: own commits, oldest first.
        source: reads objects.
        searcher: looks for patterns, in a process of its own.
        deadline: `time.monotonic()` value.
    """

    def __init__(
        self,
        *,
        base: Oid,
        tip: Oid,
        commits: Sequence[OwnCommit],
        source: Source,
        searcher: Searcher,
        deadline: float,
    ) -> None:
        self.base = base
        self.tip = tip
        self.commits = tuple(commits)
        self.searcher = searcher
        self.deadline = deadline
        self._source = source
        self._changes: tuple[PathChange, ...] | None = None
        self._contents: dict[bytes, bytes | None] = {}
        self._held = 0
        self._added: dict[str, frozenset[int]] = {}
        self._origins: dict[str, FileVersion | None] = {}

    @property
    def changes(self) -> tuple[PathChange, ...]:
        """Everything that differs between base and tip."""
        if self._changes is None:
            self._changes = self._source.changes(self.base, self.tip)
        return self._changes

    def files(self, requirement: Requirement) -> list[ChangedFile]:
        """Files the branch adds or changes that a requirement is about."""
        found = [ChangedFile(text(one.path), one.before, one.after) for one in self.changes if one.after is not None]
        return [file for file in found if _is_about(requirement, file.path)]

    def paths(self) -> list[str]:
        """Every file of the tip."""
        return [text(path) for path in self._source.paths(self.tip)]

    def sizes(self, files: Sequence[ChangedFile]) -> list[int | None]:
        """Bytes of files; None for what is not there."""
        self.spend()
        return self._source.sizes([file.after[1] for file in files])

    def sizes_of(self, paths: Sequence[str]) -> list[int | None]:
        """Bytes of files of the tip by path."""
        self.spend()
        tip = self.tip.encode("ascii")
        # A name with a line break cannot be asked for.
        asked = [path for path in paths if "\n" not in path]
        names = [tip + b":" + path.encode("utf-8", "surrogateescape") for path in asked]
        sizes = dict(zip(asked, self._source.sizes(names), strict=True))
        return [sizes.get(path) for path in paths]

    def content(self, file: ChangedFile) -> bytes | None:
        """The file in the tip; None when it is too long or not there."""
        return self._read(file.after)

    def origin(self, file: ChangedFile) -> FileVersion | None:
        """The version of the file at the base; for a new file, of the one it was moved from, if any."""
        if file.before is not None:
            return file.before
        if file.path not in self._origins:
            self._origins[file.path] = self._moved_from(file)
        return self._origins[file.path]

    def before(self, file: ChangedFile) -> bytes | None:
        """The content of `origin`."""
        origin = self.origin(file)
        return None if origin is None else self._read(origin)

    def is_comparable(self, file: ChangedFile) -> bool:
        """False when what the file was before is there and cannot be read, so that it is not known what is new in it."""
        was = file.before
        return was is None or was[0] not in _REGULAR or self._read(was) is not None

    def added(self, file: ChangedFile) -> frozenset[int]:
        """Numbers of the lines that the branch added or changed."""
        if file.path not in self._added:
            data = self.content(file)
            self.spend()
            self._added[file.path] = frozenset() if data is None else added_lines(self.before(file), data)
        return self._added[file.path]

    def spend(self) -> None:
        """Go on, if there is time left.

        Raises:
            TimeIsUp
        """
        if time.monotonic() >= self.deadline:
            raise TimeIsUp

    def _read(self, version: FileVersion) -> bytes | None:
        oid = version[1]
        if oid not in self._contents:
            self.spend()
            if self._held > _MOST_HELD:
                self._contents.clear()
                self._held = 0
            (data,) = self._source.read([oid], most_bytes=MOST_BYTES) if version[0] in _REGULAR else (None,)
            self._contents[oid] = data
            self._held += len(data or b"")
        return self._contents[oid]

    def _moved_from(self, file: ChangedFile) -> FileVersion | None:
        """Where a new file comes from, much as git finds renames: the same content, or at least half of its lines."""
        gone = [one for one in self.changes if one.after is None and one.before is not None]
        versions = [(text(one.path), one.before) for one in gone if one.before is not None]
        if any(version[1] == file.after[1] for _, version in versions):
            return file.after
        data = self.content(file)
        name = file.path.rpartition("/")[2]
        versions.sort(key=lambda one: (one[0].rpartition("/")[2] != name, one[0]))
        best: tuple[float, FileVersion | None] = (0.0, None)
        for _, version in versions[:_MOST_ORIGINS] if data is not None else ():
            self.spend()
            old = self._read(version)
            share = share_kept(old, data) if old is not None and data is not None else 0.0
            if share >= _LEAST_ALIKE and share > best[0]:
                best = (share, version)
        return best[1]


def _is_about(requirement: Requirement, path: str) -> bool:
    wanted = not requirement.paths or matches_any(path, requirement.paths)
    return wanted and not matches_any(path, requirement.exclude)


def is_text(data: bytes) -> bool:
    """As git tells text from binary: no NUL byte near the beginning (xdiff-interface.c, buffer_is_binary)."""
    return b"\0" not in data[:8000]


def readable(evidence: Evidence, requirement: Requirement) -> tuple[list[tuple[ChangedFile, bytes]], list[Spot]]:
    """Changed files with their contents, and those that cannot be judged by content, with the reason.

    A binary file is left out where the rule names no files; where it does, the file was to be looked at and could not be.
    """
    found: list[tuple[ChangedFile, bytes]] = []
    unjudged: list[Spot] = []
    for file in evidence.files(requirement):
        if not file.is_regular:
            continue
        data = evidence.content(file)
        if data is None:
            unjudged.append(Spot(file.path, None, f"cannot be read, or is longer than {MOST_BYTES} bytes"))
        elif not evidence.is_comparable(file):
            unjudged.append(Spot(file.path, None, f"cannot be read as it was, or was longer than {MOST_BYTES} bytes"))
        elif is_text(data):
            found.append((file, data))
        elif requirement.paths:
            unjudged.append(Spot(file.path, None, "is binary"))
    return found, unjudged
