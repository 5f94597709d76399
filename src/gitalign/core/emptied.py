"""Commits of which nothing was left, and what their conflicts have to do with it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.conflict import RECORDED, AppliedResolution
from gitalign.core.findings import Finding, Severity
from gitalign.core.outcome import Dropped, DropReason

EMPTIED_BY_RESOLUTION = "emptied_by_resolution"


def emptied_as_findings(dropped: Sequence[Dropped], resolved: Sequence[AppliedResolution]) -> tuple[Finding, ...]:
    """A finding for each commit of which nothing was left once its conflicts were settled without a person."""
    return tuple(
        Finding(
            code=EMPTIED_BY_RESOLUTION,
            severity=Severity.WARNING,
            message=f"nothing of commit {one.oid[:12]} ({one.subject}) was left after its conflicts were resolved by {by}: it was dropped",
            detector=by,
            introduced_by="integration",
        )
        for one in dropped
        if (by := resolved_by(one, resolved))
    )


def resolved_by(drop: Dropped, resolved: Sequence[AppliedResolution]) -> str:
    """What settled conflicts of a commit that became empty, in words; empty where git alone found nothing left of it."""
    if drop.reason is not DropReason.BECAME_EMPTY:
        return ""
    return by_what([one for one in resolved if one.commit == drop.oid])


def why_dropped(drop: Dropped, resolved: Sequence[AppliedResolution]) -> str:
    """Why a commit is not in the result, in words."""
    by = resolved_by(drop, resolved)
    return drop.reason.value.replace("_", " ") + (f" after its conflicts were resolved by {by}" if by else "")


def by_what(resolved: Sequence[AppliedResolution]) -> str:
    """What settled conflicts, each once, in words."""
    return ", ".join(
        dict.fromkeys("what was recorded" if one.resolver == RECORDED else one.resolver for one in resolved)
    )
