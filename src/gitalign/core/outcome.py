"""Outcomes: how one branch ended. Every branch ends in exactly one of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from gitalign.core.names import Oid
from gitalign.core.rules import Compliance
from gitalign.core.validation import Validation, ValidationStatus


class Severity(StrEnum):
    """Weight of a finding."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


Origin = Literal["branch", "target", "integration"]
"""Who brought a finding: a side that had it before, or putting the two together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a check or detector noticed about an aligned branch."""

    code: str
    severity: Severity
    message: str
    path: str | None = None
    line: int | None = None
    detector: str = "gitalign"
    introduced_by: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule:
    """Which findings keep a branch from being published.

    Attributes:
        severity: this one and weightier ones; None for no finding at all.
        introduced_by: brought by these. A finding that does not say who brought it counts.
        always: whatever these detectors say.
    """

    severity: Severity | None = Severity.CRITICAL
    introduced_by: tuple[Origin, ...] = ("integration",)
    always: tuple[str, ...] = ()

    def refuses(self, finding: Finding) -> bool:
        """True when the branch must not be published with this finding."""
        if finding.detector in self.always:
            return True
        if self.severity is None:
            return False
        order = list(Severity)
        is_heavy = order.index(finding.severity) <= order.index(self.severity)
        return is_heavy and (finding.introduced_by is None or finding.introduced_by in self.introduced_by)


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


RECORDED = "recorded"
"""What applies resolutions that are on record."""
SETTLED_IN_MERGE = "merge"
"""What settles the conflict of a merge that is made again as the old merge had settled the very same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedResolution:
    """A conflict of one file that was settled without a person.

    Attributes:
        commit: the commit of the branch that stopped, None while the target was merged in.
        conflict: the id by which git names its folder in `rr-cache`; empty where it would not record it.
        recorded_by: name and address of who settled it then; empty when nobody knows.
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
        return f"{which} was settled {how}" + (f", by {self.recorded_by}" if self.recorded_by else "")


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


class DropReason(StrEnum):
    """Why a commit of the branch is not in the result under a new id."""

    UPSTREAM = "upstream"
    BECAME_EMPTY = "became_empty"
    ALREADY_MERGED = "already_merged"
    """A merge of nothing: what it merged is in the result without it."""
    MERGE_FLATTENED = "merge_flattened"
    LEFT_OUT = "left_out"
    """A person resolving the branch left it out, or nothing of it was left then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One commit and what became of it; equal ids when it could stay as it is."""

    old: Oid
    new: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One commit that is not in the result, and why."""

    oid: Oid
    reason: DropReason
    subject: str = ""
    upstream: Oid | None = None
    """The target's commit with the same patch, when that is the reason."""


class AlignedKind(StrEnum):
    """In which way a branch was aligned."""

    REPLAYED = "replayed"
    RECREATED = "recreated"
    """Replayed, with merges made again on what their parents became."""
    MERGED = "merged"
    INTEGRATED = "integrated"
    """The branch stays where it is; an integration branch holds the merge of it into the target."""
    FAST_FORWARDED = "fast_forwarded"
    """The target has every commit of the branch, under the same ids: the branch stands at its tip now ("already merged")."""
    EMPTIED = "emptied"
    """None of the branch's own commits is left (`dropped` says why of each): the branch stands at its target's tip now."""
    REWOUND = "rewound"
    """As `emptied`, of a branch that had its target's tip already: it stands at an older commit of its own now."""


NOTHING_OWN = frozenset({AlignedKind.FAST_FORWARDED, AlignedKind.EMPTIED, AlignedKind.REWOUND})
"""Results that are the target's tip itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignablePoint:
    """How far along its target's own line (first parents) a conflicting branch aligns, and what stops it there.

    Attributes:
        fork: newest commit of the line that the branch has.
        clean: the last one onto which it aligns; `fork` when that is none.
        broken: its successor, onto which the branch does not align: the target's commit of the clash.
        gained: commits of the line from `fork` to `clean`.
        ahead: commits of the line beyond `clean`.
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
    gained: int
    ahead: int
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
    """How far a conflicting branch aligns cannot be told: `no_common_line`, `missing_object`, `stopped`, ..."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """The branch takes in its target; `after` is what its ref is to hold.

    Attributes:
        stopped_by: it takes in its target only up to `onto`, an older commit than the tip: the conflict that keeps it from going on.
    """

    kind: Literal["aligned"] = "aligned"
    how: AlignedKind
    before: Oid
    after: Oid
    onto: Oid
    tree: Oid
    rewritten: tuple[Rewrite, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    findings: tuple[Finding, ...] = ()
    unsigned: int = 0
    """Commits that carried a signature before and carry none now."""
    rung: str = ""
    """The strategy that aligned it, where `strategy: auto` had to try more than one."""
    climbed: tuple[str, ...] = ()
    """Strategies that were tried before this one under `strategy: auto`, and where each stopped."""
    resolved: tuple[AppliedResolution, ...] = ()
    """Conflicts that were settled by what was recorded before, in the order they were met."""
    stopped_by: Conflicted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """Nothing to do. `code` is `up_to_date`, `already_merged`, or `nothing_left`: git drops every commit, yet merging would change the target."""

    kind: Literal["unchanged"] = "unchanged"
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """git cannot merge it without a person. The branch stays where it was.

    Attributes:
        commit: the commit of the branch that stopped, None when the target was merged in.
        position, total: the k-th of n commits to replay; 1 of 1 for a merge.
        onto: the target's tip.
        entries: conflicted paths by stage.
        reproduce: commands that lead to the same stop, or as far as commands lead; lines that begin with `# ` are remarks.
        known_resolutions: of its paths, those of whose conflict a resolution is on record; not all of them are.
        undecided: where anything was to settle conflicts: paths that it did not settle, each with the reason.
        on_the_way: the commit of the target, before its tip, at which an iterative rebase stopped; None for any other stop.
        recreating: the merge commit that could not be made again on what its parents became; None for any other stop.
        furthest: how far it aligns; None when nobody asked.
        stays: why it did not go part of the way; empty when that was not asked for.
    """

    kind: Literal["conflicted"] = "conflicted"
    commit: Oid | None
    subject: str = ""
    position: int
    total: int
    onto: Oid
    conflicts: tuple[Conflict, ...]
    entries: tuple[StageEntry, ...]
    reproduce: tuple[str, ...] = ()
    climbed: tuple[str, ...] = ()
    """Further strategies that were tried under `strategy: auto`, and where each stopped."""
    remembered: bool = False
    """True when an earlier run found this for the very same commits and the merge was not repeated."""
    known_resolutions: tuple[KnownConflict, ...] = ()
    undecided: tuple[str, ...] = ()
    recreating: Oid | None = None
    on_the_way: Oid | None = None
    furthest: AlignablePoint | Undetermined | None = None
    stays: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Conflicted paths, sorted."""
        named = {entry.path for entry in self.entries} or {
            path for conflict in self.conflicts for path in conflict.paths
        }
        return tuple(sorted(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """git-align will not touch this branch under the present policy; nothing went wrong."""

    kind: Literal["refused"] = "refused"
    code: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Something is broken: a missing object, a time-out, a full disk, a failed check, a bug.

    Attributes:
        resolved: conflicts that were settled without a person in the result that was refused.
    """

    kind: Literal["failed"] = "failed"
    code: str
    reason: str
    hint: str = ""
    stage: Literal["integrate", "conserve", "detect", "validate", "document", "publish", "engine"] = "integrate"
    findings: tuple[Finding, ...] = ()
    resolved: tuple[AppliedResolution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The branch was not started: `circuit_breaker`, `claimed_by_other_run`, …"""

    kind: Literal["skipped"] = "skipped"
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The operator stopped the run before this branch was done."""

    kind: Literal["cancelled"] = "cancelled"
    reason: str


Outcome = Aligned | Unchanged | Conflicted | Refused | Failed | Skipped | Cancelled


def with_auto_resolved(failed: Failed, refused: Aligned) -> Failed:
    """A failure that tells which conflicts were settled without a person in the result it speaks of.

    What was settled wrongly shows as a failed check more often than not: whoever reads of the failure must read of that, too.
    """
    if not refused.resolved or failed.resolved:
        return failed
    told = findings_of_resolutions(refused.resolved)
    by = dict.fromkeys(one.resolver for one in refused.resolved)
    count = len(refused.resolved)
    words = (
        f"{count} conflict{'' if count == 1 else 's'} in it {'was' if count == 1 else 'were'} settled without a person"
    )
    return replace(
        failed,
        reason=f"{failed.reason} ({words}: {', '.join(by)})",
        findings=(*failed.findings, *(finding for finding in told if finding not in failed.findings)),
        resolved=refused.resolved,
    )


def conflict_of(outcome: Outcome) -> Conflicted | None:
    """The conflict that keeps a branch from its target's tip, whether it went part of the way or not."""
    if isinstance(outcome, Aligned):
        return outcome.stopped_by
    return outcome if isinstance(outcome, Conflicted) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The outcome of one step with what it cost.

    Attributes:
        phases: seconds per phase (`integrate`, `conserve`, `detect`, `document`), monotonic clock.
        detection: `not configured`, or what the detectors said in one word.
        summary: reference to the generated document, None when no documenter is configured.
        validation: what the operator's checks said.
        compliance: what the house rules say of the result, None when none are configured or there was no result to judge.
    """

    step_id: int
    branch: str
    outcome: Outcome
    duration_s: float = 0.0
    phases: tuple[tuple[str, float], ...] = ()
    attempts: int = 1
    worker: int = 0
    detection: str = "not configured"
    documentation: str = "not configured"
    summary: str | None = None
    validation: Validation = Validation(status=ValidationStatus.NOT_CONFIGURED)
    compliance: Compliance | None = None
