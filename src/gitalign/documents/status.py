"""What `doctor` and `prune` found, and how far a manual resolution is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.retention import PruneReport
from gitalign.documents.conflicts import dump_stage_entry, load_stage_entry
from gitalign.documents.reading import as_bool, as_int, as_oid, as_text, each, field, maybe, member_of, members
from gitalign.documents.sessions import dump_session, load_session

if TYPE_CHECKING:
    from gitalign.documents.models.status import DiagnosisDocument, LookDocument, PruneReportDocument

_STAND = member_of(Stand)


def dump_diagnosis(value: Diagnosis) -> DiagnosisDocument:
    """One thing looked at."""
    return {
        "check": value.check,
        "ok": value.ok,
        "detail": value.detail,
        "hint": value.hint,
    }


def load_diagnosis(value: Any) -> Diagnosis:
    """Reads what `dump_diagnosis` writes; raises `Malformed`."""
    data = members(value)
    return Diagnosis(
        check=field(data, "check", as_text),
        ok=maybe(data, "ok", as_bool),
        detail=field(data, "detail", as_text),
        hint=field(data, "hint", as_text),
    )


def dump_prune_report(
    value: PruneReport, batch_runs: Iterable[str], *, kept: Iterable[tuple[str, str]], batch_days: int
) -> PruneReportDocument:
    """What was removed, or would be: pins and backups of runs, and old batch runs.

    Args:
        value: of runs.
        batch_runs: ids of those that are removed.
        kept: ids of old ones that stay, and why.
        batch_days: the age from which batch runs are old.
    """
    return {
        "runs": list(value.runs),
        "anchors": list(value.anchors),
        "backups": list(value.backups),
        "kept_backups": list(value.kept_backups),
        "batch_runs": list(batch_runs),
        "kept_batch_runs": list(kept),
        "batch_days": batch_days,
        "dry_run": value.dry_run,
    }


def dump_look(value: Look) -> LookDocument:
    """A session, looked at."""
    return {
        "session": dump_session(value.session),
        "stand": value.stand,
        "head": value.head,
        "position": value.position,
        "total": value.total,
        "stopped_at": value.stopped_at,
        "subject": value.subject,
        "entries": [dump_stage_entry(item) for item in value.entries],
        "marked": list(value.marked),
        "now": value.now,
        "differing": list(value.differing),
    }


def load_look(value: Any) -> Look:
    """Reads what `dump_look` writes; raises `Malformed`."""
    data = members(value)
    return Look(
        session=field(data, "session", load_session),
        stand=field(data, "stand", _STAND),
        head=maybe(data, "head", as_oid),
        position=field(data, "position", as_int),
        total=field(data, "total", as_int),
        stopped_at=maybe(data, "stopped_at", as_oid),
        subject=field(data, "subject", as_text),
        entries=each(data, "entries", load_stage_entry),
        marked=each(data, "marked", as_text),
        now=maybe(data, "now", as_oid),
        differing=each(data, "differing", as_text),
    )
