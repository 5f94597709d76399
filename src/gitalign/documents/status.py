"""What `doctor` and `prune` found, and how far a manual resolution is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.manual_resolution import Look
from gitalign.core.retention import PruneReport
from gitalign.documents.conflicts import dump_stage_entry
from gitalign.documents.sessions import dump_session

if TYPE_CHECKING:
    from gitalign.documents.models.status import DiagnosisDocument, LookDocument, PruneReportDocument


def dump_diagnosis(value: Diagnosis) -> DiagnosisDocument:
    """One thing looked at."""
    return {
        "check": value.check,
        "ok": value.ok,
        "detail": value.detail,
        "hint": value.hint,
    }


def dump_prune_report(value: PruneReport, batch_runs: Iterable[str]) -> PruneReportDocument:
    """What was removed, or would be: pins and backups of runs, and old batch runs."""
    return {
        "runs": list(value.runs),
        "anchors": list(value.anchors),
        "backups": list(value.backups),
        "kept_backups": list(value.kept_backups),
        "batch_runs": list(batch_runs),
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
