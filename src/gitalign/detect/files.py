"""Files of results: which versions a branch has of them, and what is kept of their contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.ports import DetectionRequest, FactKind, FileFacts, Source

V = TypeVar("V")

VERSION = "5"
"""Changes whenever a rule does: what was found by another version is found out again."""
LONGEST_TEXT = 5_000_000
_REGULAR = (b"100644", b"100755")


def kept(source: Source, kind: FactKind[V], oid: bytes, look: Callable[[bytes], V]) -> V | None:
    """What looking at a content gives, or gave before; None when the content is not there or too long."""
    known = source.facts.recall(kind, oid)
    if known is not None:
        return known[0]
    (data,) = source.read([oid], most_bytes=LONGEST_TEXT)
    return found_in(source.facts, kind, oid, data, look) if data is not None else None


def found_in(facts: FileFacts, kind: FactKind[V], oid: bytes, data: bytes, look: Callable[[bytes], V]) -> V:
    """What looking at a content gives; kept."""
    found = look(data)
    facts.keep(kind, oid, found)
    return found


def branch_versions(request: DetectionRequest, change: PathChange) -> list[FileVersion]:
    """The branch's own version of a changed file; where git moved it, the branch's files of that name."""
    if request.base is None:
        return []
    mine = request.source.changes(request.base, request.before)
    exact = [one.after for one in mine if one.path == change.path and one.after is not None]
    if exact:
        return exact
    name = change.path.rpartition(b"/")[2]
    return [one.after for one in mine if one.after is not None and one.path.rpartition(b"/")[2] == name]


def is_file(version: FileVersion | None) -> bool:
    """True for a file with content: neither a link nor a submodule."""
    return version is not None and version[0] in _REGULAR


def is_python(path: bytes) -> bool:
    """True for a path that is read as Python."""
    return path.endswith((b".py", b".pyi"))
