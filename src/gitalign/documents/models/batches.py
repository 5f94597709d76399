"""Documents: batches."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from gitalign.documents.models.events import EventDocument
from gitalign.documents.models.timestamps import Time


class HunkSideDocument(TypedDict):
    """One side of a hunk."""

    first_line: int | None
    last_line: int | None
    text: list[str]


class HunkDocument(TypedDict):
    """A stretch of a file that both sides changed differently."""

    path: str
    first: HunkSideDocument
    second: HunkSideDocument


class ResultConflictDocument(TypedDict):
    """A result that does not merge onto what was merged before it."""

    first: str
    second: str
    paths: list[str]
    kinds: list[str]
    hunks: list[HunkDocument]
    detail: str
    together: list[str]


class LeftOutDocument(TypedDict):
    """A result that is not in what landed."""

    task: str
    name: str
    because: str
    together: list[str]
    reason: str


class LandedDocument(TypedDict):
    """What became of a batch's results."""

    merge_status: str
    landed: str | None
    landing_run: str
    reason: str
    tests: str
    output: str
    conflicts: list[ResultConflictDocument]
    would_land: list[str]
    left_out: list[LeftOutDocument]
    flaky: list[str]
    pushed_to: str
    push_detail: str


class BatchProgressDocument(TypedDict):
    """One batch of a batch run."""

    batch_number: int
    status: str
    started_at: Time | None
    finished_at: Time | None
    base: str | None
    landing_run: str
    outcome: LandedDocument | None
    reason: str
    changed_meanwhile: list[str]
    undone_by: NotRequired[str]
    """The run that undid its landing, or `by hand`; empty while it stands. Said where it was looked up."""


class SecretLeakDocument(TypedDict):
    """A secret that a result holds: its name and the place, never its value."""

    secret: str
    place: str


class RunningConflictDocument(TypedDict):
    """Work of a running task that does not merge with that of another, or, where `other` is null, with the target."""

    task: str
    other: str | None
    since: Time
    conflict: ResultConflictDocument


class TaskRunDocument(TypedDict):
    """One task of a batch run."""

    status: str
    attempts: int
    started_at: Time | None
    finished_at: Time | None
    base: str | None
    result: str | None
    wip: str | None
    reason: str
    exit_code: int | None
    kept_in: str
    tree: str
    notices: list[str]
    leaks: list[SecretLeakDocument]


class BatchDiskDocument(TypedDict):
    """The disk that work trees of a repository use, of all its batch runs; in bytes."""

    folder: str
    work_trees: int
    bytes_used: int
    bytes_free: int
    """Left for this user where they are."""

    most_bytes_of_a_task: int
    """From which on a task is ended."""


class BatchRunDocument(TypedDict):
    """A batch run."""

    id: str
    target: str
    status: str
    is_alive: NotRequired[bool]
    """Whether a process runs it. Said where it was looked up."""

    state: NotRequired[str]
    """As people are shown it: `status`, or `interrupted`, `paused`, `waiting`, `undone`. Said where it was looked up."""

    undone: NotRequired[bool]
    """Whether a landing of it is undone now; `batches` say which. Said where it was looked up."""

    disk: NotRequired[BatchDiskDocument]
    """Said where it was measured."""

    execution_mode: str
    mode_reason: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    current_batch: int | None
    completed_batches: int
    batches_total: int
    owner: str
    options: dict[str, Any]
    batches: list[BatchProgressDocument]
    tasks: dict[str, TaskRunDocument]
    running_conflicts: list[RunningConflictDocument]
    plan: dict[str, Any]
    """A document of its own: `batch-plan`."""


class BatchRunsDocument(TypedDict):
    """Batch runs, newest first."""

    batch_runs: list[BatchRunDocument]


class BatchEventsDocument(TypedDict):
    """What happened in a batch run, oldest first; `next` asks the service for those after them."""

    batch_run: str
    events: list[EventDocument]
    next: NotRequired[str | None]


class BatchLogDocument(TypedDict):
    """What a task has written so far."""

    batch_run: str
    task: str
    status: str
    is_alive: bool
    output: str


class BatchReportDocument(TypedDict):
    """A batch run with everything that happened in it, oldest first."""

    batch_run: BatchRunDocument
    events: list[EventDocument]


class CertifiedMemberDocument(TypedDict):
    """A result that landed, or was there already."""

    task: str
    name: str
    tip: str
    base: str | None
    merge: str | None


class BatchCertificateDocument(TypedDict):
    """What landed, of what it was made, and what looked at it."""

    batch: str
    batch_number: int
    run: str
    target: str
    before: str
    onto: str
    after: str
    squash: bool
    members: list[CertifiedMemberDocument]
    contained: list[str]
    left_out: list[LeftOutDocument]
    tests: str
    flaky: list[str]
    detection: str
    rules: str
    push_to: str | None
    at: Time


class BatchSlotDocument(TypedDict):
    """What a slot for work trees holds; empty members where it holds nothing of value."""

    batch_id: str
    task_id: str
    base: str
    prepared: str
    keep: list[str]
    reason: str


class BatchTreeDocument(TypedDict):
    """A work tree of batches; kept where it says why, else removed or to be removed."""

    folder: str
    batch: str
    task: str
    kept_because: str


class BatchLandingDocument(TypedDict):
    """One landing of a batch run; it stands where nothing undid it. `on_remote`: its remote still has it."""

    landing_run: str
    before: str
    after: str
    undone_by: str
    reason: str
    on_remote: bool


class BatchLandingsDocument(TypedDict):
    """The landings of a batch run, newest first."""

    batch_run: str
    target: str
    landings: list[BatchLandingDocument]
    dry_run: bool
    undone_now: NotRequired[list[str]]
    """Landings that this undo put back, here or on a remote; none where all were put back before."""


class PrunedBatchRunDocument(TypedDict):
    """An old batch run; kept where it says why, else removed or to be removed."""

    batch_run: str
    refs: list[str]
    unlanded: list[str]
    kept_because: str


class BatchTreesDocument(TypedDict):
    """Work trees and old runs of batches, after a clean-up."""

    trees: list[BatchTreeDocument]
    batch_runs: list[PrunedBatchRunDocument]
    bytes_before: int
    bytes_after: int
    dry_run: bool
