"""Conflicts as git names them, and the commit up to which a branch aligns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.conflict import AlignablePoint, Conflict, KnownConflict, StageEntry, Undetermined
from gitalign.documents.reading import as_bool, as_int, as_oid, as_text, each, field, maybe, members

if TYPE_CHECKING:
    from gitalign.documents.models.conflicts import (
        AlignablePointDocument,
        ConflictDocument,
        KnownConflictDocument,
        StageEntryDocument,
        UndeterminedDocument,
    )


def dump_conflict(value: Conflict) -> ConflictDocument:
    """One conflict as git names it."""
    return {
        "kind": value.kind,
        "paths": list(value.paths),
        "message": value.message,
    }


def load_conflict(value: Any) -> Conflict:
    """Reads what `dump_conflict` writes; raises `Malformed`."""
    data = members(value)
    return Conflict(
        kind=field(data, "kind", as_text),
        paths=each(data, "paths", as_text),
        message=field(data, "message", as_text),
    )


def dump_stage_entry(value: StageEntry) -> StageEntryDocument:
    """One side of a conflicted path."""
    return {
        "stage": value.stage,
        "mode": value.mode,
        "oid": value.oid,
        "path": value.path,
    }


def load_stage_entry(value: Any) -> StageEntry:
    """Reads what `dump_stage_entry` writes; raises `Malformed`."""
    data = members(value)
    return StageEntry(
        stage=field(data, "stage", as_int),
        mode=field(data, "mode", as_text),
        oid=field(data, "oid", as_oid),
        path=field(data, "path", as_text),
    )


def dump_known_conflict(value: KnownConflict) -> KnownConflictDocument:
    """A conflict of one file for which something is on record; whether it fits was not tried."""
    return {
        "path": value.path,
        "conflict": value.conflict,
    }


def load_known_conflict(value: Any) -> KnownConflict:
    """Reads what `dump_known_conflict` writes; raises `Malformed`."""
    data = members(value)
    return KnownConflict(
        path=field(data, "path", as_text),
        conflict=field(data, "conflict", as_text),
    )


def dump_alignable_point(value: AlignablePoint) -> AlignablePointDocument:
    """How far along its target's own line (first parents) a conflicting branch aligns, and what stops it there."""
    return {
        "fork": value.fork,
        "clean": value.clean,
        "broken": value.broken,
        "gained": value.advanced_by,
        "ahead": value.remaining,
        "is_merge": value.is_merge,
        "author": value.author,
        "email": value.email,
        "subject": value.subject,
        "commit": value.commit,
        "commit_author": value.commit_author,
        "commit_email": value.commit_email,
        "commit_subject": value.commit_subject,
        "position": value.position,
        "total": value.total,
        "conflicts": [dump_conflict(item) for item in value.conflicts],
        "paths": list(value.paths),
    }


def load_alignable_point(value: Any) -> AlignablePoint:
    """Reads what `dump_alignable_point` writes; raises `Malformed`."""
    data = members(value)
    return AlignablePoint(
        fork=field(data, "fork", as_oid),
        clean=field(data, "clean", as_oid),
        broken=field(data, "broken", as_oid),
        advanced_by=field(data, "gained", as_int),
        remaining=field(data, "ahead", as_int),
        is_merge=field(data, "is_merge", as_bool),
        author=field(data, "author", as_text, ""),
        email=field(data, "email", as_text, ""),
        subject=field(data, "subject", as_text, ""),
        commit=maybe(data, "commit", as_oid),
        commit_author=field(data, "commit_author", as_text, ""),
        commit_email=field(data, "commit_email", as_text, ""),
        commit_subject=field(data, "commit_subject", as_text, ""),
        position=field(data, "position", as_int),
        total=field(data, "total", as_int),
        conflicts=each(data, "conflicts", load_conflict),
        paths=each(data, "paths", as_text),
    )


def dump_undetermined(value: Undetermined) -> UndeterminedDocument:
    """How far a conflicting branch aligns cannot be determined: `no_common_line`, `missing_object`, `stopped`, ..."""
    return {
        "code": value.code,
        "reason": value.reason,
    }


def load_undetermined(value: Any) -> Undetermined:
    """Reads what `dump_undetermined` writes; raises `Malformed`."""
    data = members(value)
    return Undetermined(
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
    )


def dump_point_or_reason(value: AlignablePoint | Undetermined) -> AlignablePointDocument | UndeterminedDocument:
    """How far a branch aligns, or why that is not known."""
    return dump_alignable_point(value) if isinstance(value, AlignablePoint) else dump_undetermined(value)


def load_point_or_reason(value: Any) -> AlignablePoint | Undetermined:
    """Reads what `dump_point_or_reason` writes; raises `Malformed`."""
    return load_undetermined(value) if "code" in members(value) else load_alignable_point(value)
