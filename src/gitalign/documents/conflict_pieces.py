"""Where branches stop, taken to pieces, as the journal caches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.conflict_groups import MergeCulprit
from gitalign.core.outlook import StopHunks
from gitalign.core.shared_conflicts import Piece, Stop
from gitalign.documents.hunks import dump_hunk, load_hunk
from gitalign.documents.reading import as_bool, as_int, as_oid, as_text, each, field, members

if TYPE_CHECKING:
    from gitalign.documents.models.conflict_pieces import (
        MergeCulpritDocument,
        PieceDocument,
        StopDocument,
        StopHunksDocument,
    )


def dump_piece(value: Piece) -> PieceDocument:
    """A clash in one place."""
    return {
        "paths": list(value.paths),
        "kind": value.kind,
        "target": list(value.target),
        "branch": list(value.branch),
    }


def load_piece(value: Any) -> Piece:
    """Reads what `dump_piece` writes; raises `Malformed`."""
    data = members(value)
    return Piece(
        paths=each(data, "paths", as_text),
        kind=field(data, "kind", as_text),
        target=each(data, "target", as_text),
        branch=each(data, "branch", as_text),
    )


def dump_stop(value: Stop) -> StopDocument:
    """Where a branch stops, taken to pieces."""
    return {
        "clash": value.signature,
        "pieces": list(value.pieces),
        "is_whole": value.is_whole,
    }


def load_stop(value: Any) -> Stop:
    """Reads what `dump_stop` writes; raises `Malformed`."""
    data = members(value)
    return Stop(
        signature=field(data, "clash", as_text),
        pieces=each(data, "pieces", as_text),
        is_whole=field(data, "is_whole", as_bool),
    )


def dump_stop_hunks(value: StopHunks) -> StopHunksDocument:
    """Where in its files a branch stops."""
    return {
        "branch": value.branch,
        "target": value.target,
        "hunks": [dump_hunk(item) for item in value.hunks],
        "left_out": value.left_out,
    }


def load_stop_hunks(value: Any) -> StopHunks:
    """Reads what `dump_stop_hunks` writes; raises `Malformed`."""
    data = members(value)
    return StopHunks(
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        hunks=each(data, "hunks", load_hunk),
        left_out=field(data, "left_out", as_int),
    )


def dump_merge_culprit(value: MergeCulprit) -> MergeCulpritDocument:
    """A commit that came into a target by a merge, and clashes."""
    return {
        "commit": value.commit,
        "author": value.author,
        "email": value.email,
        "subject": value.subject,
        "is_merge": value.is_merge,
    }


def load_merge_culprit(value: Any) -> MergeCulprit:
    """Reads what `dump_merge_culprit` writes; raises `Malformed`."""
    data = members(value)
    return MergeCulprit(
        commit=field(data, "commit", as_oid),
        author=field(data, "author", as_text),
        email=field(data, "email", as_text),
        subject=field(data, "subject", as_text),
        is_merge=field(data, "is_merge", as_bool),
    )
