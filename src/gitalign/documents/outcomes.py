"""Outcomes: how a step ended, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from gitalign.core.outcome import (
    Aligned,
    AlignedKind,
    Cancelled,
    Conflicted,
    Failed,
    Outcome,
    Refused,
    Skipped,
    Unchanged,
)
from gitalign.documents.conflicts import (
    dump_conflict,
    dump_known_conflict,
    dump_point_or_reason,
    dump_stage_entry,
    load_conflict,
    load_known_conflict,
    load_point_or_reason,
    load_stage_entry,
)
from gitalign.documents.findings import (
    dump_applied_resolution,
    dump_dropped,
    dump_finding,
    dump_rewrite,
    load_applied_resolution,
    load_dropped,
    load_finding,
    load_rewrite,
)
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import (
    Malformed,
    Parser,
    as_bool,
    as_int,
    as_oid,
    as_text,
    each,
    field,
    maybe,
    member_of,
    members,
    one_of,
)

if TYPE_CHECKING:
    from gitalign.documents.models.outcomes import (
        AlignedDocument,
        CancelledDocument,
        ConflictedDocument,
        FailedDocument,
        OutcomeDocument,
        RefusedDocument,
        SkippedDocument,
        UnchangedDocument,
    )

_Stage = Literal["integrate", "conserve", "detect", "validate", "document", "publish", "engine"]
_ALIGNED_KIND = member_of(AlignedKind)
_STAGE: Parser[_Stage] = one_of("integrate", "conserve", "detect", "validate", "document", "publish", "engine")


def dump_aligned(value: Aligned) -> AlignedDocument:
    """The branch takes in its target; `after` is what its ref is to hold."""
    return {
        "kind": "aligned",
        "how": value.how,
        "before": value.before,
        "after": value.after,
        "onto": value.onto,
        "tree": value.tree,
        "rewritten": [dump_rewrite(item) for item in value.rewritten],
        "dropped": [dump_dropped(item) for item in value.dropped],
        "findings": [dump_finding(item) for item in value.findings],
        "unsigned": value.unsigned,
        "rung": value.strategy_used,
        "climbed": list(value.strategies_tried),
        "resolved": [dump_applied_resolution(item) for item in value.resolved],
        "stopped_by": None if value.stopped_by is None else dump_conflicted(value.stopped_by),
    }


def load_aligned(value: Any) -> Aligned:
    """Reads what `dump_aligned` writes; raises `Malformed`."""
    data = members(value)
    return Aligned(
        how=field(data, "how", _ALIGNED_KIND),
        before=field(data, "before", as_oid),
        after=field(data, "after", as_oid),
        onto=field(data, "onto", as_oid),
        tree=field(data, "tree", as_oid),
        rewritten=each(data, "rewritten", load_rewrite, ()),
        dropped=each(data, "dropped", load_dropped, ()),
        findings=each(data, "findings", load_finding, ()),
        unsigned=field(data, "unsigned", as_int, 0),
        strategy_used=field(data, "rung", as_text, ""),
        strategies_tried=each(data, "climbed", as_text, ()),
        resolved=each(data, "resolved", load_applied_resolution, ()),
        stopped_by=maybe(data, "stopped_by", load_conflicted, None),
    )


def dump_conflicted(value: Conflicted) -> ConflictedDocument:
    """git cannot merge it without a person. The branch stays where it was."""
    return {
        "kind": "conflicted",
        "commit": value.commit,
        "subject": value.subject,
        "position": value.position,
        "total": value.total,
        "onto": value.onto,
        "conflicts": [dump_conflict(item) for item in value.conflicts],
        "entries": [dump_stage_entry(item) for item in value.entries],
        "reproduce": list(value.reproduce),
        "climbed": list(value.strategies_tried),
        "remembered": value.cached,
        "known_resolutions": [dump_known_conflict(item) for item in value.known_resolutions],
        "undecided": list(value.unresolved),
        "recreating": value.recreating,
        "on_the_way": value.on_the_way,
        "furthest": None if value.alignable_point is None else dump_point_or_reason(value.alignable_point),
        "stays": value.not_moved_reason,
    }


def load_conflicted(value: Any) -> Conflicted:
    """Reads what `dump_conflicted` writes; raises `Malformed`."""
    data = members(value)
    return Conflicted(
        commit=maybe(data, "commit", as_oid),
        subject=field(data, "subject", as_text, ""),
        position=field(data, "position", as_int),
        total=field(data, "total", as_int),
        onto=field(data, "onto", as_oid),
        conflicts=each(data, "conflicts", load_conflict),
        entries=each(data, "entries", load_stage_entry),
        reproduce=each(data, "reproduce", as_text, ()),
        strategies_tried=each(data, "climbed", as_text, ()),
        cached=field(data, "remembered", as_bool, False),
        known_resolutions=each(data, "known_resolutions", load_known_conflict, ()),
        unresolved=each(data, "undecided", as_text, ()),
        recreating=maybe(data, "recreating", as_oid, None),
        on_the_way=maybe(data, "on_the_way", as_oid, None),
        alignable_point=maybe(data, "furthest", load_point_or_reason, None),
        not_moved_reason=field(data, "stays", as_text, ""),
    )


def dump_unchanged(value: Unchanged) -> UnchangedDocument:
    """Nothing to do. `code` is `up_to_date`, `already_merged`, or `nothing_left`: git drops every commit, yet merging would change the target."""
    return {
        "kind": "unchanged",
        "code": value.code,
        "reason": value.reason,
    }


def load_unchanged(value: Any) -> Unchanged:
    """Reads what `dump_unchanged` writes; raises `Malformed`."""
    data = members(value)
    return Unchanged(
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
    )


def dump_refused(value: Refused) -> RefusedDocument:
    """git-align will not touch this branch under the present policy; nothing went wrong."""
    return {
        "kind": "refused",
        "code": value.code,
        "reason": value.reason,
        "hint": value.hint,
    }


def load_refused(value: Any) -> Refused:
    """Reads what `dump_refused` writes; raises `Malformed`."""
    data = members(value)
    return Refused(
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
        hint=field(data, "hint", as_text, ""),
    )


def dump_failed(value: Failed) -> FailedDocument:
    """Something is broken: a missing object, a time-out, a full disk, a failed check, a bug."""
    return {
        "kind": "failed",
        "code": value.code,
        "reason": value.reason,
        "hint": value.hint,
        "stage": value.stage,
        "findings": [dump_finding(item) for item in value.findings],
        "resolved": [dump_applied_resolution(item) for item in value.resolved],
    }


def load_failed(value: Any) -> Failed:
    """Reads what `dump_failed` writes; raises `Malformed`."""
    data = members(value)
    return Failed(
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
        hint=field(data, "hint", as_text, ""),
        stage=field(data, "stage", _STAGE, "integrate"),
        findings=each(data, "findings", load_finding, ()),
        resolved=each(data, "resolved", load_applied_resolution, ()),
    )


def dump_skipped(value: Skipped) -> SkippedDocument:
    """The branch was not started: `circuit_breaker`, `claimed_by_other_run`, …"""
    return {
        "kind": "skipped",
        "code": value.code,
        "reason": value.reason,
    }


def load_skipped(value: Any) -> Skipped:
    """Reads what `dump_skipped` writes; raises `Malformed`."""
    data = members(value)
    return Skipped(
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
    )


def dump_cancelled(value: Cancelled) -> CancelledDocument:
    """The operator stopped the run before this branch was done."""
    return {
        "kind": "cancelled",
        "reason": value.reason,
    }


def load_cancelled(value: Any) -> Cancelled:
    """Reads what `dump_cancelled` writes; raises `Malformed`."""
    data = members(value)
    return Cancelled(
        reason=field(data, "reason", as_text),
    )


_DUMPS: Mapping[type, Callable[[Any], Any]] = {
    Aligned: dump_aligned,
    Unchanged: dump_unchanged,
    Conflicted: dump_conflicted,
    Refused: dump_refused,
    Failed: dump_failed,
    Skipped: dump_skipped,
    Cancelled: dump_cancelled,
}
_LOADS: Mapping[str, Parser[Outcome]] = {
    "aligned": load_aligned,
    "unchanged": load_unchanged,
    "conflicted": load_conflicted,
    "refused": load_refused,
    "failed": load_failed,
    "skipped": load_skipped,
    "cancelled": load_cancelled,
}


def dump_outcome(value: Outcome) -> OutcomeDocument:
    """How a step ended; `kind` says which keys it has."""
    document: OutcomeDocument = _DUMPS[type(value)](value)
    return document


def load_outcome(value: Any) -> Outcome:
    """Reads what `dump_outcome` writes; raises `Malformed`."""
    load = _LOADS.get(members(value).get("kind", ""))
    if load is None:
        raise Malformed(f"{value.get('kind')!r} is not a kind of outcome", "kind")
    return load(value)


def dump(value: Outcome) -> dict[str, Any]:
    """An outcome as a document of its own."""
    return stamped("outcome", dump_outcome(value))


def load(value: Any) -> Outcome:
    """An outcome from a document.

    Raises:
        Malformed
    """
    return load_outcome(opened(value, "outcome"))
