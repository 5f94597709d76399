"""Models: files with conflict markers, line by line."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.marked_text import LineKind


class MarkedLineDocument(TypedDict):
    """A line of a conflicted file."""

    kind: LineKind
    hunk: int
    text: str


class MarkedFileDocument(TypedDict):
    """A conflicted file."""

    path: str
    hunks: int
    has_base: bool
    lines: list[MarkedLineDocument]
    lines_left_out: int
