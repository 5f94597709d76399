"""Outcomes: how one branch ended. Every branch ends in exactly one of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from gitalign.core.conflict import (
    AlignablePoint,
    AppliedResolution,
    Conflict,
    KnownConflict,
    StageEntry,
    Undetermined,
    findings_of_resolutions,
)
from gitalign.core.findings import Finding
from gitalign.core.names import Oid
from gitalign.core.rules import Compliance
from gitalign.core.validation import Validation, ValidationStatus


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
    strategy_used: str = ""
    """The strategy that aligned it, where `strategy: auto` had to try more than one."""
    strategies_tried: tuple[str, ...] = ()
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
        unresolved: where anything was to settle conflicts: paths that it did not settle, each with the reason.
        on_the_way: the commit of the target, before its tip, at which an iterative rebase stopped; None for any other stop.
        recreating: the merge commit that could not be made again on what its parents became; None for any other stop.
        alignable_point: how far it aligns; None when it was not asked for.
        not_moved_reason: why it did not go part of the way; empty when that was not asked for.
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
    strategies_tried: tuple[str, ...] = ()
    """Further strategies that were tried under `strategy: auto`, and where each stopped."""
    cached: bool = False
    """True when an earlier run found this for the very same commits and the merge was not repeated."""
    known_resolutions: tuple[KnownConflict, ...] = ()
    unresolved: tuple[str, ...] = ()
    recreating: Oid | None = None
    on_the_way: Oid | None = None
    alignable_point: AlignablePoint | Undetermined | None = None
    not_moved_reason: str = ""

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

    What was settled wrongly shows as a failed check more often than not: a report of the failure names that, too.
    """
    if not refused.resolved or failed.resolved:
        return failed
    told = findings_of_resolutions(refused.resolved)
    by = dict.fromkeys(one.resolver for one in refused.resolved)
    count = len(refused.resolved)
    words = (
        f"{count} conflict{'' if count == 1 else 's'} in it {'was' if count == 1 else 'were'} resolved without a person"
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
