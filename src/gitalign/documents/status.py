"""Where a repository stands, what `doctor` and `prune` found, and how far a manual resolution is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.manual_resolution import Look
from gitalign.core.retention import PruneReport
from gitalign.core.status import Status
from gitalign.documents.conflicts import dump_stage_entry
from gitalign.documents.plans import dump_target, dump_target_note
from gitalign.documents.runs import dump_run
from gitalign.documents.sessions import dump_session

if TYPE_CHECKING:
    from gitalign.documents.models.status import DiagnosisDocument, LookDocument, PruneReportDocument, StatusDocument


def dump_status(value: Status) -> StatusDocument:
    """Where a repository stands."""
    return {
        "repository": value.repository,
        "targets": [dump_target(item) for item in value.targets],
        "target_notes": [dump_target_note(item) for item in value.target_notes],
        "fault": value.fault,
        "to_align": value.to_align,
        "up_to_date": value.up_to_date,
        "excluded": value.excluded,
        "unfinished": [dump_run(item) for item in value.unfinished],
        "last": None if value.last is None else dump_run(value.last),
        "only_on_remotes": list(value.only_on_remotes),
        "next_command": value.next_command,
        "merged": value.merged,
    }


def dump_diagnosis(value: Diagnosis) -> DiagnosisDocument:
    """One thing looked at."""
    return {
        "check": value.check,
        "ok": value.ok,
        "detail": value.detail,
        "hint": value.hint,
    }


def dump_prune_report(value: PruneReport) -> PruneReportDocument:
    """What was removed, or would be."""
    return {
        "runs": list(value.runs),
        "anchors": list(value.anchors),
        "backups": list(value.backups),
        "kept_backups": list(value.kept_backups),
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
