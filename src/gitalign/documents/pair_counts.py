"""How many pairs were compared, and what is not known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.pair_conflicts import Contest, PairCount, UnmergedPair

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


def dump_unmerged_pair(value: UnmergedPair) -> UnmergedPairDocument:
    """Two branches that git could not merge, and why."""
    return {
        "one": value.one,
        "other": value.other,
        "target": value.target,
        "reason": value.reason,
    }


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
