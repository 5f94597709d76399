"""The chain of resolvers: conflicts resolved, one stretch of a file after the other.

A rung looks at what git itself could not merge and at nothing else: the merge of the file is made again with its base, and must be
the very one that stopped. Where it is not, nothing is proposed.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence

import pathspec
from cachetools import LRUCache

from gitalign.core.conflict import AppliedResolution
from gitalign.core.policy import AutoResolver
from gitalign.git.remerge import Remade, merge_again
from gitalign.git.repository import Repository
from gitalign.ports import ConflictedFile, Proposal, Sides, UnresolvedFile
from gitalign.resolve.python_files import fault
from gitalign.resolve.region_resolvers import AUTO_RESOLVERS, auto_resolve
from gitalign.resolve.regions import Lines, NotMarked, Region, lines_of, regions
from gitalign.resolve.rerere import Unbalanced, holds_conflict, normalise

_KEPT = 2_000
_FORMAT = 2
_PYTHON_FILES = (".py", ".pyi")


class ResolverChain:
    """Settles conflicts by pure rungs. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        rungs: those that may be used, in the order in which they are tried.
        union_files: patterns, as in .gitignore, of files that are lists.
        repository: whose git makes merges of files again.
    """

    def __init__(
        self, resolvers: Sequence[AutoResolver], *, union_files: Sequence[str], repository: Repository
    ) -> None:
        self._resolvers = tuple(resolver for resolver in resolvers if resolver in AUTO_RESOLVERS)
        self._patterns = tuple(union_files)
        self._lists = pathspec.GitIgnoreSpec.from_lines(union_files)
        self._repository = repository
        self._lock = threading.Lock()
        self._parts: LRUCache[str, tuple[Lines | Region, ...] | str] = LRUCache(_KEPT)

    @property
    def key(self) -> str:
        """Changes with what is allowed, and where."""
        return "ladder " + json.dumps([_FORMAT, self._resolvers, self._patterns])

    def knows(self, file: ConflictedFile) -> str | None:
        """Nothing is on record here."""
        return None

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return file.is_plain and b"\0" not in file.marked and bool(self._allowed(file.path))

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        if not self.could(file) or file.sides is None:
            return None
        parts = self._taken_apart(file, file.sides)
        if isinstance(parts, str):
            return UnresolvedFile(reason=parts)
        climbed = auto_resolve(parts, self._allowed(file.path))
        names = ", ".join(self._allowed(file.path))
        if climbed is None:
            return UnresolvedFile(reason=f"no resolver fits every conflict of it ({names})")
        content, used = climbed.content, climbed.used
        if holds_conflict(content, marker_size=file.marker_size):
            return UnresolvedFile(reason="what would come of it looks like a conflict")
        if file.path.endswith(_PYTHON_FILES):
            wrong = fault(parts, climbed, ours=file.sides.ours, theirs=file.sides.theirs)
            if wrong is not None:
                return UnresolvedFile(reason=f"what would come of it ({', '.join(used)}) is not taken: {wrong}")
        return Proposal(
            content=content,
            resolution=AppliedResolution(
                commit=None,
                path="",
                conflict=conflict_id(file, object_format=self._repository.object_format),
                source=f"by {'the resolver' if len(used) == 1 else 'the resolvers'} {', '.join(used)}",
                resolver="+".join(used),
            ),
        )

    def _allowed(self, path: str) -> tuple[AutoResolver, ...]:
        return tuple(
            resolver
            for resolver in self._resolvers
            if (resolver is not AutoResolver.UNION or self._lists.match_file(path))
            and (resolver is not AutoResolver.IMPORTS or path.endswith(_PYTHON_FILES))
        )

    def _taken_apart(self, file: ConflictedFile, sides: Sides) -> tuple[Lines | Region, ...] | str:
        """Merged stretches and regions; why not, in words, where the merge that stopped cannot be made again."""
        digest = hashlib.sha256(b"%d" % file.marker_size)
        for one in (sides.base, sides.ours, sides.theirs, file.marked):
            digest.update(hashlib.sha256(one).digest())
        asked = digest.hexdigest()
        with self._lock:
            if asked in self._parts:
                return self._parts[asked]
        made = self._made_again(file, sides)
        with self._lock:
            self._parts[asked] = made
        return made

    def _made_again(self, file: ConflictedFile, sides: Sides) -> tuple[Lines | Region, ...] | str:
        again = merge_again(
            self._repository.git,
            ours=sides.ours,
            base=sides.base,
            theirs=sides.theirs,
            marker_size=file.marker_size,
            object_format=self._repository.object_format,
        )
        if again is None or not _is_same(again, file):
            return "the merge of its three sides is not the one that stopped"
        try:
            parts = regions(again.diff3, labels=again.diff3_labels, marker_size=again.diff3_marker_size)
        except NotMarked:
            return "its conflicts cannot be distinguished"
        return _with_ends_as_they_were(parts, sides)


def conflict_id(file: ConflictedFile, *, object_format: str) -> str:
    """The id under which git files the conflict; empty where it would file none."""
    try:
        found = normalise(file.marked, marker_size=file.marker_size, object_format=object_format)
    except Unbalanced:
        return ""
    return found.id if found is not None else ""


def _is_same(again: Remade, file: ConflictedFile) -> bool:
    """Whether two marked files are the same but for the labels, line by line."""
    mine, gits = lines_of(again.marked), lines_of(file.marked)
    if len(mine) != len(gits):
        return False
    ends = [b"<" * file.marker_size + b" ", b">" * file.marker_size + b" "]
    starts = {end + label: end for end, label in zip(ends, again.labels, strict=True)}
    for one, other in zip(mine, gits, strict=True):
        start = starts.get(one.rstrip(b"\r\n"))
        if not (other.startswith(start) if start is not None else one == other):
            return False
    return True


def _with_ends_as_they_were(parts: tuple[Lines | Region, ...], sides: Sides) -> tuple[Lines | Region, ...]:
    """The parts, with the line end taken off that git puts after a last line that has none, to set a marker beneath."""
    last = parts[-1] if parts else None
    if not isinstance(last, Region):
        return parts
    cut = Region(
        _cut(last.ours, sides.ours),
        _cut(last.base, sides.base),
        _cut(last.theirs, sides.theirs),
        last.before,
    )
    return (*parts[:-1], cut)


def _cut(lines: Lines, content: bytes) -> Lines:
    if not lines or content.endswith(b"\n"):
        return lines
    line = lines[-1]
    bare = next((one for one in (line[:-1], line.removesuffix(b"\r\n")) if content.endswith(one)), line)
    return (*lines[:-1], bare)
