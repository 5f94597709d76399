"""A branch as the operator or the discovery names it: with a target, perhaps, and whatever is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitalign.core.names import BranchName, TargetName


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One branch to align.

    Attributes:
        name: without `refs/heads/`.
        target: the primary branch it belongs to.
        reason: why that target, in words ("listed", "12 own commits, nearest of 3 targets").
        priority: higher is started earlier; 0 by default.
        confidence: 0..1 as the branch list says, None when it does not.
        tags: as the branch list says.
        cluster_id: as the branch list says.
    """

    name: BranchName
    target: TargetName
    reason: str = "listed"
    priority: int = 0
    confidence: float | None = None
    tags: tuple[str, ...] = field(default=())
    cluster_id: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBranch:
    """One entry of a branch list, before anybody asked whether its branch and target exist.

    Attributes:
        index: position in the file, from 0.
        name: without `refs/heads/`.
        target: as the list says, None when it says none.
        confidence: 0..1, None when the list says none.
        reason: the list's own justification.
    """

    index: int
    name: str
    target: str | None
    confidence: float | None = None
    tags: tuple[str, ...] = ()
    cluster_id: str | int | None = None
    priority: int = 0
    reason: str = "listed"
    metrics: tuple[tuple[str, float], ...] = ()
    """Numbers the list gives, by name; `group.name` where a name stands in several groups."""
