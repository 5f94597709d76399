"""Branches of which everything is in their target: how that is known, and what keeps one from being deleted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.names import BranchName, Oid, TargetName, display
from gitalign.core.plan import Plan
from gitalign.core.push import PushPlace


class Proof(StrEnum):
    """How it is known that the target has everything of a branch."""

    CONTAINED = "merged"
    """Every commit of it is a commit of the target."""
    PATCHES = "rebase_merged"
    """The target has a commit with the same patch for each commit of it: rebased or picked there."""
    SQUASHED = "squash_merged"
    """The target has one commit with the same patch as the whole branch."""
    NOTHING_LEFT = "nothing_left"
    """Merging it into the target changes no file there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedBranch:
    """A branch of which everything is in its target.

    Attributes:
        branch: its name.
        target: has everything of it.
        tip: where it stands; the value that its deletion compares against.
        proof: how that is known.
        commit: the commit of the target that brought it in, or the last of them; None where its own commits are there.
        kept: why it is not deleted; empty when it may be.
        remote: the remote whose branch it is; None for a local one.
        place: where it is on the remote.
    """

    branch: BranchName
    target: TargetName
    tip: Oid
    proof: Proof
    commit: Oid | None = None
    kept: str = ""
    remote: str | None = None
    place: PushPlace | None = None

    @property
    def is_contained(self) -> bool:
        """Whether its very commits are in the target, so that nothing at all is lost with the name."""
        return self.proof is Proof.CONTAINED

    def may_go(self, *, squashed: bool) -> bool:
        """Whether it may be deleted; `squashed` as for `Merged.to_delete`."""
        return not self.kept and (squashed or self.is_contained)

    @property
    def words(self) -> str:
        """How it is known, for people."""
        target, at = display(self.target), f" as {self.commit[:10]}" if self.commit else ""
        match self.proof:
            case Proof.CONTAINED:
                return f"merged into {target}"
            case Proof.PATCHES:
                return f"rebase-merged into {target}{at}"
            case Proof.SQUASHED:
                return f"squash-merged into {target}{at}"
            case Proof.NOTHING_LEFT:
                return f"merging it changes nothing in {target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Branches of which everything is in their target, and what was looked at to know.

    Attributes:
        plan: the snapshot and targets; without steps.
        branches: by name.
    """

    plan: Plan
    branches: tuple[MergedBranch, ...]

    def to_delete(self, *, squashed: bool) -> tuple[MergedBranch, ...]:
        """Those that may be deleted.

        Args:
            squashed: also those whose own commits are not in the target, but all that they change is.
        """
        return tuple(one for one in self.branches if one.may_go(squashed=squashed))
