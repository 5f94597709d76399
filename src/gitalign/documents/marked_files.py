"""Files with conflict markers, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.marked_text import LineKind, MarkedFile, MarkedLine
from gitalign.documents.reading import as_bool, as_int, as_text, each, field, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.marked_files import MarkedFileDocument, MarkedLineDocument

_KIND = member_of(LineKind)


def dump_marked_line(value: MarkedLine) -> MarkedLineDocument:
    """A line of a conflicted file."""
    return {
        "kind": value.kind,
        "hunk": value.hunk,
        "text": value.text,
    }


def load_marked_line(value: Any) -> MarkedLine:
    """Reads what `dump_marked_line` writes; raises `Malformed`."""
    data = members(value)
    return MarkedLine(
        kind=field(data, "kind", _KIND),
        hunk=field(data, "hunk", as_int),
        text=field(data, "text", as_text),
    )


def dump_marked_file(value: MarkedFile) -> MarkedFileDocument:
    """A conflicted file."""
    return {
        "path": value.path,
        "hunks": value.hunks,
        "has_base": value.has_base,
        "lines": [dump_marked_line(item) for item in value.lines],
        "lines_left_out": value.lines_left_out,
    }


def load_marked_file(value: Any) -> MarkedFile:
    """Reads what `dump_marked_file` writes; raises `Malformed`."""
    data = members(value)
    return MarkedFile(
        path=field(data, "path", as_text),
        hunks=field(data, "hunks", as_int),
        has_base=field(data, "has_base", as_bool),
        lines=each(data, "lines", load_marked_line),
        lines_left_out=field(data, "lines_left_out", as_int),
    )
