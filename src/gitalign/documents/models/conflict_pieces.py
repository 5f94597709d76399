"""Models: where branches stop, taken to pieces, as the journal caches it."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.hunks import HunkDocument


class PieceDocument(TypedDict):
    """A clash in one place."""

    paths: list[str]
    kind: str
    target: list[str]
    branch: list[str]


class StopDocument(TypedDict):
    """Where a branch stops, taken to pieces."""

    clash: str
    pieces: list[str]
    is_whole: bool


class StopHunksDocument(TypedDict):
    """Where in its files a branch stops."""

    branch: str
    target: str
    hunks: list[HunkDocument]
    left_out: int


class MergeCulpritDocument(TypedDict):
    """A commit that came into a target by a merge, and clashes."""

    commit: str
    author: str
    email: str
    subject: str
    is_merge: bool
