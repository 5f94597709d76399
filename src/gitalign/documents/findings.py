"""What became of commits, what detectors found, and resolutions that were applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.conflict import AppliedResolution
from gitalign.core.findings import Finding, Origin, Severity
from gitalign.core.outcome import Dropped, DropReason, Rewrite
from gitalign.documents.reading import (
    Parser,
    as_int,
    as_oid,
    as_text,
    as_time,
    field,
    maybe,
    member_of,
    members,
    one_of,
    time_text,
)

if TYPE_CHECKING:
    from gitalign.documents.models.findings import (
        AppliedResolutionDocument,
        DroppedDocument,
        FindingDocument,
        RewriteDocument,
    )

_DROP_REASON = member_of(DropReason)
_SEVERITY = member_of(Severity)
_ORIGIN: Parser[Origin] = one_of("branch", "target", "integration")


def dump_rewrite(value: Rewrite) -> RewriteDocument:
    """One commit and what became of it; equal ids when it could stay as it is."""
    return {
        "old": value.old,
        "new": value.new,
    }


def load_rewrite(value: Any) -> Rewrite:
    """Reads what `dump_rewrite` writes; raises `Malformed`."""
    data = members(value)
    return Rewrite(
        old=field(data, "old", as_oid),
        new=field(data, "new", as_oid),
    )


def dump_dropped(value: Dropped) -> DroppedDocument:
    """One commit that is not in the result, and why."""
    return {
        "oid": value.oid,
        "reason": value.reason,
        "subject": value.subject,
        "upstream": value.upstream,
    }


def load_dropped(value: Any) -> Dropped:
    """Reads what `dump_dropped` writes; raises `Malformed`."""
    data = members(value)
    return Dropped(
        oid=field(data, "oid", as_oid),
        reason=field(data, "reason", _DROP_REASON),
        subject=field(data, "subject", as_text, ""),
        upstream=maybe(data, "upstream", as_oid, None),
    )


def dump_finding(value: Finding) -> FindingDocument:
    """Something a check or detector noticed about an aligned branch."""
    return {
        "code": value.code,
        "severity": value.severity,
        "message": value.message,
        "path": value.path,
        "line": value.line,
        "detector": value.detector,
        "introduced_by": value.introduced_by,
    }


def load_finding(value: Any) -> Finding:
    """Reads what `dump_finding` writes; raises `Malformed`."""
    data = members(value)
    return Finding(
        code=field(data, "code", as_text),
        severity=field(data, "severity", _SEVERITY),
        message=field(data, "message", as_text),
        path=maybe(data, "path", as_text, None),
        line=maybe(data, "line", as_int, None),
        detector=field(data, "detector", as_text, "gitalign"),
        introduced_by=maybe(data, "introduced_by", _ORIGIN, None),
    )


def dump_applied_resolution(value: AppliedResolution) -> AppliedResolutionDocument:
    """A conflict of one file that was settled without a person."""
    return {
        "commit": value.commit,
        "path": value.path,
        "conflict": value.conflict,
        "recorded_by": value.recorded_by,
        "recorded_at": None if value.recorded_at is None else time_text(value.recorded_at),
        "source": value.source,
        "resolver": value.resolver,
    }


def load_applied_resolution(value: Any) -> AppliedResolution:
    """Reads what `dump_applied_resolution` writes; raises `Malformed`."""
    data = members(value)
    return AppliedResolution(
        commit=maybe(data, "commit", as_oid),
        path=field(data, "path", as_text),
        conflict=field(data, "conflict", as_text),
        recorded_by=field(data, "recorded_by", as_text, ""),
        recorded_at=maybe(data, "recorded_at", as_time, None),
        source=field(data, "source", as_text, ""),
        resolver=field(data, "resolver", as_text, "recorded"),
    )
