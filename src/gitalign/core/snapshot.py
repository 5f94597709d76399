"""The snapshot: refs and work trees of a repository, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitalign.core.long_lived import Evidence
from gitalign.core.names import BranchName, Oid, TargetName
from gitalign.core.push import PushPlace


class CheckoutState(StrEnum):
    """State of a work tree, as far as moving its branch is concerned."""

    CLEAN = "clean"
    DIRTY = "dirty"
    BUSY = "busy"
    """A rebase, am, merge, bisect, cherry-pick or revert, or a sequence of them, is in progress."""
    LOCKED = "locked"
    MISSING = "missing"
    FILTERED = "filtered"
    """Content filters (LFS, …) would have to run to move its files."""
    OBSTRUCTED = "obstructed"
    """Files that git does not track are where the branch would bring files."""
    UNCLEAR = "unclear"
    """What it holds cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """One work tree and the branch it holds."""

    path: str
    ref: str
    """Full ref of the branch checked out, or being rebased or bisected there."""
    state: CheckoutState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """One ref as it stood in the snapshot."""

    ref: str
    oid: Oid
    symbolic_target: str | None = None
    object_type: str = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All refs of a repository, read once.

    Attributes:
        repository: absolute path of the git common directory.
        object_format: `sha1` or `sha256`.
        taken_at: UTC.
        tips: every ref under refs/heads and refs/remotes.
        checkouts: every work tree that holds a branch.
        remote: the remote of branches for which git's configuration names none; None unless a push was asked for.
        remote_tips: not filled any more; plans of earlier versions have it.
        is_shallow: whether history ends at a shallow boundary somewhere.
    """

    repository: str
    object_format: str
    taken_at: datetime
    tips: tuple[Tip, ...]
    checkouts: tuple[Checkout, ...] = ()
    remote: str | None = None
    remote_tips: tuple[tuple[BranchName, Oid], ...] = ()
    is_shallow: bool = False
    placed: tuple[tuple[str, Oid], ...] = ()
    """Full refs of integration branches with the commit where a run last put each, as far as the journal knows."""
    branches_of: str | None = None
    """The remote whose branches the tips under refs/heads are; None for those of the repository itself."""
    taken_in: tuple[BranchName, ...] | None = None
    """Where local branches and those of `branches_of` are planned together: the ones that only the remote has."""
    counterparts: tuple[tuple[BranchName, Oid], ...] = ()
    """Branches that stand elsewhere in the other place, here or on `branches_of`, with the commit there."""
    held_here: tuple[tuple[BranchName, str], ...] = ()
    """Local branches that a work tree holds, with its path; set beside `counterparts`."""
    push_places: tuple[tuple[BranchName, PushPlace], ...] = ()
    """Where each branch is pushed, and what the remote holds there; empty unless a push was asked for."""
    head: str | None = None
    """Full name of the branch that the repository's HEAD is on, whether it exists or not; None when HEAD is detached."""
    is_bare: bool = False
    """Whether HEAD belongs to no work tree, so that it says which branch is the default one."""
    default_branch: tuple[str, str] | None = None
    """Name of the repository's default branch, and how it is known; None when it is not known."""
    evidence: tuple[Evidence, ...] = ()
    """What the repository itself says of its long-lived branches."""
    lines: tuple[tuple[str, Oid], ...] = ()
    """Long-lived branches that others are started on and that are no targets, with their tips."""
    unread: tuple[str, ...] = ()
    """Files that might have said more and could not be read, with why."""
    public_targets: tuple[tuple[TargetName, Oid, str], ...] = ()
    """Targets that stand elsewhere on their remote, with the commit there and a note in words; asked for with a push."""
