"""What a branch has that its target has not, and where it leaves it: values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gitalign.core.names import Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommits:
    """What a branch has that its target has not.

    Attributes:
        picks: commits that are no merges, in the order `git rebase` picks them (oldest first).
        merges: merge commits, oldest first.
        bases: merge bases with the target, best ones only; empty for unrelated histories.
        roots: own commits without parents.
        hits_shallow: history is cut off on one side before it meets the other, so the base is not known.
        ordered: picks and merges together, in the order of `git rev-list --topo-order --reverse`.
        is_linear_on_target: the target's tip is the only base and no own commit is a merge: git leaves such a branch as it is.
    """

    picks: tuple[Oid, ...]
    merges: tuple[Oid, ...]
    bases: tuple[Oid, ...]
    roots: tuple[Oid, ...]
    hits_shallow: bool
    is_linear_on_target: bool
    ordered: tuple[Oid, ...] = ()

    @property
    def count(self) -> int:
        """Number of own commits."""
        return len(self.picks) + len(self.merges)


class Fork(NamedTuple):
    """Where a branch leaves a target, going down first parents alone.

    Attributes:
        commit: the first one the target has; None when there is none.
        distance: commits of the branch passed on the way.
        is_on_line: the target came to that commit by its own first parents, not by merging something in.
    """

    commit: Oid | None
    distance: int
    is_on_line: bool


class UnknownCommit(KeyError):
    """The commit is not in the graph."""
