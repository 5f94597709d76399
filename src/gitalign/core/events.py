"""Events: what happened, in the past tense. One stream feeds journal, audit trail, log, progress bar and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """Every kind of event. The words are part of the JSON contract."""

    RUN_STARTED = "run_started"
    RUN_PLANNED = "run_planned"
    FETCHED = "fetched"
    INTEGRATION_STARTED = "integration_started"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    STEP_RETRIED = "step_retried"
    BREAKER_TRIPPED = "breaker_tripped"
    STOP_REQUESTED = "stop_requested"
    INTEGRATION_FINISHED = "integration_finished"
    FURTHEST_STARTED = "furthest_started"
    FURTHEST_FOUND = "furthest_found"
    FURTHEST_FINISHED = "furthest_finished"
    CONFLICTS_STARTED = "conflicts_started"
    CONFLICT_SEEN = "conflict_seen"
    VALIDATION_STARTED = "validation_started"
    CHECK_FINISHED = "check_finished"
    BRANCH_VALIDATED = "branch_validated"
    VALIDATION_FINISHED = "validation_finished"
    OBJECTS_STORED = "objects_stored"
    PINNED = "pinned"
    BACKUPS_CREATED = "backups_created"
    PUBLISH_STARTED = "publish_started"
    BRANCH_MOVED = "branch_moved"
    BRANCH_HELD_BACK = "branch_held_back"
    BRANCH_PUSHED = "branch_pushed"
    PUSH_REJECTED = "push_rejected"
    VERIFIED = "verified"
    RUN_FINISHED = "run_finished"
    RUN_RESUMED = "run_resumed"
    BRANCH_RESTORED = "branch_restored"
    NOTICE = "notice"
    # Of batch runs.
    BATCH_RUN_STARTED = "batch_run_started"
    BATCH_STARTED = "batch_started"
    TASK_STARTED = "task_started"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_COMPLETED = "attempt_completed"
    TASK_SNAPSHOT = "task_snapshot"
    SNAPSHOT_FAILED = "snapshot_failed"
    CONFLICT_FORESEEN = "conflict_foreseen"
    CONFLICT_WITHDRAWN = "conflict_withdrawn"
    TASK_COMPLETED = "task_completed"
    REPOSITORY_CHANGED = "repository_changed"
    FELL_BACK = "fell_back"
    WORKERS_CHANGED = "workers_changed"
    MERGE_STARTED = "merge_started"
    MERGE_COMPLETED = "merge_completed"
    BATCH_COMPLETED = "batch_completed"
    BATCH_RUN_PROGRESS = "batch_run_progress"
    BATCH_RUN_COMPLETED = "batch_run_completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: position in its run, from 1, without gaps.
        at: UTC.
        data: JSON-able details; keys per kind are documented in docs/json.md.
    """

    run_id: str
    seq: int
    at: datetime
    kind: EventKind
    branch: str | None = None
    target: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
