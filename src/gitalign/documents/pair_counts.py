"""How many pairs were compared, and what is not known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.pair_conflicts import Contest, PairCount, UnmergedPair
from gitalign.documents.reading import as_int, as_text, each, field, members

if TYPE_CHECKING:
    from gitalign.documents.models.pair_counts import ContestDocument, PairCountDocument, UnmergedPairDocument


def dump_contest(value: Contest) -> ContestDocument:
    """A path at which branches stop on their target and that others change, too."""
    return {
        "target": value.target,
        "path": value.path,
        "stopping": list(value.stopping),
        "changing": list(value.changing),
    }


def load_contest(value: Any) -> Contest:
    """Reads what `dump_contest` writes; raises `Malformed`."""
    data = members(value)
    return Contest(
        target=field(data, "target", as_text),
        path=field(data, "path", as_text),
        stopping=each(data, "stopping", as_text),
        changing=each(data, "changing", as_text),
    )


def dump_unmerged_pair(value: UnmergedPair) -> UnmergedPairDocument:
    """Two branches that git could not merge, and why."""
    return {
        "one": value.one,
        "other": value.other,
        "target": value.target,
        "reason": value.reason,
    }


def load_unmerged_pair(value: Any) -> UnmergedPair:
    """Reads what `dump_unmerged_pair` writes; raises `Malformed`."""
    data = members(value)
    return UnmergedPair(
        one=field(data, "one", as_text),
        other=field(data, "other", as_text),
        target=field(data, "target", as_text),
        reason=field(data, "reason", as_text),
    )


def dump_pair_count(value: PairCount) -> PairCountDocument:
    """How the pairs of one target were decided: `pairs` is the sum of `pruned`, `merged`, `undecided` and `failed`."""
    return {
        "target": value.target,
        "branches": value.branches,
        "partial": value.partial,
        "left_out": value.left_out,
        "pairs": value.pairs,
        "pruned": value.pruned,
        "merged": value.merged,
        "undecided": value.undecided,
        "failed": value.failed,
        "clashing": value.clashing,
    }


def load_pair_count(value: Any) -> PairCount:
    """Reads what `dump_pair_count` writes; raises `Malformed`."""
    data = members(value)
    return PairCount(
        target=field(data, "target", as_text),
        branches=field(data, "branches", as_int),
        partial=field(data, "partial", as_int),
        left_out=field(data, "left_out", as_int),
        pairs=field(data, "pairs", as_int),
        pruned=field(data, "pruned", as_int),
        merged=field(data, "merged", as_int),
        undecided=field(data, "undecided", as_int),
        failed=field(data, "failed", as_int),
        clashing=field(data, "clashing", as_int),
    )
