"""Places in files where two sides differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.hunks import Hunk, HunkSide
from gitalign.documents.reading import as_int, as_text, each, field, maybe, members

if TYPE_CHECKING:
    from gitalign.documents.models.hunks import HunkDocument, HunkSideDocument


def dump_hunk_side(value: HunkSide) -> HunkSideDocument:
    """One side of a hunk."""
    return {
        "first": value.first,
        "last": value.last,
        "text": list(value.text),
    }


def load_hunk_side(value: Any) -> HunkSide:
    """Reads what `dump_hunk_side` writes; raises `Malformed`."""
    data = members(value)
    return HunkSide(
        first=maybe(data, "first", as_int),
        last=maybe(data, "last", as_int),
        text=each(data, "text", as_text),
    )


def dump_hunk(value: Hunk) -> HunkDocument:
    """A stretch of a file that both sides changed differently."""
    return {
        "path": value.path,
        "one": dump_hunk_side(value.one),
        "other": dump_hunk_side(value.other),
    }


def load_hunk(value: Any) -> Hunk:
    """Reads what `dump_hunk` writes; raises `Malformed`."""
    data = members(value)
    return Hunk(
        path=field(data, "path", as_text),
        one=field(data, "one", load_hunk_side),
        other=field(data, "other", load_hunk_side),
    )
