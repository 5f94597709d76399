"""Conflicts as git names them, what resolved them without a person, and how far a conflicting branch aligns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gitalign.core.findings import Finding, Severity
from gitalign.core.names import Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """One side of a conflicted path.

    Stage 1 is the base. While replaying, 2 is the target with the commits replayed so far and 3 the commit being picked;
    while merging the target in, 2 is the branch and 3 the target; on an integration branch, 2 is the target and 3 the branch.
    """

    stage: int
    mode: str
    oid: Oid
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One conflict as git names it.

    Attributes:
        kind: git's stable conflict type, for example `CONFLICT (contents)` (`git help merge-tree`, since 2.38).
        paths: every path git lists with it.
        message: git's free text, for people only.
    """

    kind: str
    paths: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The three contents of a file; an empty base where both sides added it."""

    base: bytes
    ours: bytes
    theirs: bytes


RECORDED = "recorded"
"""What applies resolutions that are on record."""


RESOLVED_IN_MERGE = "merge"
"""What settles the conflict of a merge that is made again as the old merge had settled the very same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedResolution:
    """A conflict of one file that was settled without a person.

    Attributes:
        commit: the commit of the branch that stopped, None while the target was merged in.
        conflict: the id by which git names its folder in `rr-cache`; empty where it would not record it.
        recorded_by: name and address of who settled it then; empty when it is not known.
        source: in words, where it comes from.
        resolver: what settled it: `recorded`, `merge` (as the merge that is made again had it), or rungs by name, joined by `+`.
    """

    commit: Oid | None
    path: str
    conflict: str
    recorded_by: str = ""
    recorded_at: datetime | None = None
    source: str = ""
    resolver: str = RECORDED

    def in_words(self) -> str:
        """What was settled, and by whom or what."""
        which = f"conflict {self.conflict[:12]}" if self.conflict else "a conflict"
        how = f"by a resolution {self.source}" if self.resolver == RECORDED else f"without a person, {self.source}"
        return f"{which} was resolved {how}" + (f", by {self.recorded_by}" if self.recorded_by else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConflict:
    """A conflict of one file for which something is on record; whether it fits was not tried."""

    path: str
    conflict: str


def findings_of_resolutions(resolved: Sequence[AppliedResolution]) -> tuple[Finding, ...]:
    """A finding for each conflict that was settled without a person, so that every report tells of it."""
    return tuple(
        Finding(
            code="resolution_applied",
            severity=Severity.INFO,
            message=one.in_words(),
            path=one.path,
            detector=one.resolver,
            introduced_by="integration",
        )
        for one in resolved
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignablePoint:
    """How far along its target's own line (first parents) a conflicting branch aligns, and what stops it there.

    Attributes:
        fork: newest commit of the line that the branch has.
        clean: the last one onto which it aligns; `fork` when that is none.
        broken: its successor, onto which the branch does not align: the target's commit of the clash.
        advanced_by: commits of the line from `fork` to `clean`.
        remaining: commits of the line beyond `clean`.
        is_merge: `broken` is a merge: what it brought in clashes, or how it was merged.
        author, email, subject: of `broken`.
        commit: the branch's commit of the clash; None when the target is merged in.
        commit_author, commit_email, commit_subject: of `commit`.
        position, total: the k-th of n commits to replay onto `broken`.
        conflicts: between the two, as git names them.
        paths: conflicted paths, sorted.
    """

    fork: Oid
    clean: Oid
    broken: Oid
    advanced_by: int
    remaining: int
    is_merge: bool
    author: str = ""
    email: str = ""
    subject: str = ""
    commit: Oid | None
    commit_author: str = ""
    commit_email: str = ""
    commit_subject: str = ""
    position: int
    total: int
    conflicts: tuple[Conflict, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undetermined:
    """How far a conflicting branch aligns cannot be determined: `no_common_line`, `missing_object`, `stopped`, ..."""

    code: str
    reason: str
