"""Certificates: what was made of a branch, written down so that it can be proved again from the repository alone. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.conflict import AppliedResolution
from gitalign.core.names import Oid
from gitalign.core.outcome import AlignedKind, Dropped


class CheckName(StrEnum):
    """What is proved of an aligned branch."""

    OBJECTS_PRESENT = "objects_present"
    """Every commit and tree that the certificate names can be read."""
    TARGET_IS_ANCESTOR = "target_is_ancestor"
    LINEAR_HISTORY = "linear_history"
    """Above the target stand the listed commits and nothing else, without a merge; or the one merge of branch and target, in the order of
    its parents that is certified; or, where
    merges were made again, the listed commits, each on what the parents of the old one became."""
    COMMITS_CONSERVED = "commits_conserved"
    """Every own commit of the branch is in the result or named as dropped, and none is there that was not."""
    AUTHORSHIP_KEPT = "authorship_kept"
    """Author, author date and message of every rewritten commit."""
    PATCHES_KEPT = "patches_kept"
    """Every rewritten commit makes the same change, or is named as one whose change was merged into something else."""
    TREE_AS_CERTIFIED = "tree_as_certified"
    TARGET_NOT_REVERSED = "target_not_reversed"
    """No file of the target is back at what it was before, unless the branch itself changed it."""


class PatchVerdict(StrEnum):
    """What became of the change of a rewritten commit."""

    UNTOUCHED = "untouched"
    """The commit is the very same."""
    SAME = "same"
    CHANGED = "changed"
    """Lines around it, or in it, were merged with the target's; said of every merge that was made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitProof:
    """One commit and what it became."""

    old: Oid
    new: Oid
    patch: PatchVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One proof that was tried.

    Attributes:
        detail: what is wrong, or what to know; empty when there is nothing to say.
    """

    name: CheckName
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An aligned branch with its proofs.

    Attributes:
        ref, target_ref: full names.
        before, onto, after: the branch as it was, the target, the branch as it is.
        tree: of `after`.
        commits: own commits that are in the result, oldest first.
        dropped: own commits that are not, with the reason.
        checks: all of them, in the order of `CheckName`.
        digest: SHA-256 of the rest of the document, in hexadecimal; empty before it is written.
        is_intact: the document that it was read from has that digest.
    """

    run_id: str
    plan_id: str
    ref: str
    target_ref: str
    how: AlignedKind
    before: Oid
    onto: Oid
    after: Oid
    tree: Oid
    commits: tuple[CommitProof, ...]
    dropped: tuple[Dropped, ...]
    checks: tuple[Check, ...]
    tool_version: str
    git_version: str
    resolved: tuple[AppliedResolution, ...] = ()
    """Conflicts that were settled without a person, each with who or what settled it."""
    strategy_used: str = ""
    """The strategy that made it, where `auto` had to try more than one."""
    strategies_tried: tuple[str, ...] = ()
    """Strategies that were tried before, and where each stopped."""
    of: str = ""
    """Full name of the branch that was integrated, where `ref` is an integration branch; `before` is its tip then."""
    remote: str = ""
    """The remote whose branch `ref` is; empty for a local one."""
    digest: str = ""
    is_intact: bool = True

    @property
    def holds(self) -> bool:
        """True when every check was made and passed."""
        return {check.name for check in self.checks} == set(CheckName) and all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A certificate looked at again.

    Attributes:
        checks: made again.
        faults: what is wrong with the document itself; empty when it is as it was written.
        standing: where its branch is now, in words.
    """

    certificate: Certificate
    checks: tuple[Check, ...]
    faults: tuple[str, ...]
    standing: str

    @property
    def holds(self) -> bool:
        """True when document and history are as certified."""
        return not self.faults and all(check.passed for check in self.checks)
