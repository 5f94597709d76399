"""Two branches that cannot both land."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.pair_conflicts import Basis, PairConflict
from gitalign.documents.conflicts import dump_conflict, load_conflict
from gitalign.documents.hunks import dump_hunk, load_hunk
from gitalign.documents.reading import as_int, as_oid, as_text, each, field, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.pair_conflicts import PairConflictDocument

_BASIS = member_of(Basis)


def dump_pair_conflict(value: PairConflict) -> PairConflictDocument:
    """Two branches that cannot both land on their target without a person."""
    return {
        "one": value.one,
        "other": value.other,
        "target": value.target,
        "basis": value.basis,
        "conflicts": [dump_conflict(item) for item in value.conflicts],
        "paths": list(value.paths),
        "sources": list(value.sources),
        "hunks": [dump_hunk(item) for item in value.hunks],
        "hunks_left_out": value.hunks_left_out,
        "one_commits": list(value.one_commits),
        "other_commits": list(value.other_commits),
    }


def load_pair_conflict(value: Any) -> PairConflict:
    """Reads what `dump_pair_conflict` writes; raises `Malformed`."""
    data = members(value)
    return PairConflict(
        one=field(data, "one", as_text),
        other=field(data, "other", as_text),
        target=field(data, "target", as_text),
        basis=field(data, "basis", _BASIS),
        conflicts=each(data, "conflicts", load_conflict),
        paths=each(data, "paths", as_text),
        sources=each(data, "sources", as_text, ()),
        hunks=each(data, "hunks", load_hunk, ()),
        hunks_left_out=field(data, "hunks_left_out", as_int, 0),
        one_commits=each(data, "one_commits", as_oid, ()),
        other_commits=each(data, "other_commits", as_oid, ()),
    )
