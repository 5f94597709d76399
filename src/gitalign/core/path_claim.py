"""Paths that someone works on for a while, so that others start somewhere else. A claim forbids nothing; it tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gitalign.core.path_overlap import overlapping, pattern_fault

MOST_MINUTES = 7 * 24 * 60
MOST_PATTERNS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PathClaim:
    """Paths and who claims them.

    Attributes:
        id: names the claim.
        holder: who claims: a person, an agent, a branch.
        patterns: of paths, as `touches` of a task has them.
        note: what for.
        made_at, until: when it was made, and when it ends by itself.
    """

    id: str
    holder: str
    patterns: tuple[str, ...]
    note: str
    made_at: datetime
    until: datetime

    def overlaps(self, patterns: Iterable[str]) -> bool:
        """True when a path can match both."""
        return bool(overlapping(self.patterns, patterns))


def claim_fault(holder: str, patterns: Iterable[str], minutes: int) -> str | None:
    """What keeps these from being a claim, in words; None when nothing does."""
    listed = list(patterns)
    if not holder.strip() or len(holder) > 200:
        return "who claims must be named, in at most 200 characters"
    if not listed or len(listed) > MOST_PATTERNS:
        return f"a claim has 1 to {MOST_PATTERNS} patterns"
    if not 1 <= minutes <= MOST_MINUTES:
        return f"a claim lasts 1 to {MOST_MINUTES} minutes"
    for pattern in listed:
        if fault := pattern_fault(pattern):
            return f"the pattern {pattern!r} {fault}"
        if len(pattern) > 1000:
            return "a pattern is longer than 1000 characters"
    return None
