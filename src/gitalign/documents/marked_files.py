"""Files with conflict markers, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.marked_text import MarkedFile, MarkedLine

if TYPE_CHECKING:
    from gitalign.documents.models.marked_files import MarkedFileDocument, MarkedLineDocument


def dump_marked_line(value: MarkedLine) -> MarkedLineDocument:
    """A line of a conflicted file."""
    return {
        "kind": value.kind,
        "hunk": value.hunk,
        "text": value.text,
    }


def dump_marked_file(value: MarkedFile) -> MarkedFileDocument:
    """A conflicted file."""
    return {
        "path": value.path,
        "hunks": value.hunks,
        "has_base": value.has_base,
        "lines": [dump_marked_line(item) for item in value.lines],
        "lines_left_out": value.lines_left_out,
    }
