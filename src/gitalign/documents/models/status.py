"""Models: where a repository stands, what `doctor` and `prune` found, and how far a manual resolution is."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from gitalign.core.manual_resolution import Stand
from gitalign.documents.models.conflicts import StageEntryDocument
from gitalign.documents.models.plans import TargetDocument, TargetNoteDocument
from gitalign.documents.models.runs import RunDocument
from gitalign.documents.models.sessions import SessionDocument


class StatusDocument(TypedDict):
    """Where a repository stands."""

    repository: str
    targets: list[TargetDocument]
    target_notes: list[TargetNoteDocument]
    fault: str
    to_align: int
    up_to_date: int
    excluded: int
    unfinished: list[RunDocument]
    last: RunDocument | None
    only_on_remotes: list[tuple[str, int]]
    next_command: str
    merged: int


class DiagnosisDocument(TypedDict):
    """One thing looked at."""

    check: str
    ok: bool | None
    detail: str
    hint: str


class PruneReportDocument(TypedDict):
    """What was removed, or would be."""

    runs: list[str]
    anchors: list[str]
    backups: list[str]
    kept_backups: list[tuple[str, str]]
    batch_runs: NotRequired[list[str]]
    kept_batch_runs: NotRequired[list[tuple[str, str]]]
    batch_days: NotRequired[int]
    """Age in days of the batch runs that are removed."""

    dry_run: bool


class SidesDocument(TypedDict):
    """What `base`, `ours` and `theirs` have of a path in conflict, in base64; null for what is too large."""

    path: str
    sides: dict[str, str | None]


class LookDocument(TypedDict):
    """A session, looked at; over HTTP with the sides of what is in conflict."""

    session: SessionDocument
    stand: Stand
    head: str | None
    position: int
    total: int
    stopped_at: str | None
    subject: str
    entries: list[StageEntryDocument]
    marked: list[str]
    now: str | None
    differing: list[str]
    files: NotRequired[list[SidesDocument]]
