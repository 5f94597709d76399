"""Jobs of the service: what a request asked for, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitalign.core.accounts import Role

ALREADY_UNDONE = "already_undone"
"""Outcome of an undo that did nothing, because all of it was put back before."""


class JobKind(StrEnum):
    """What is done in a repository."""

    FETCH = "fetch"
    PLAN = "plan"
    FORECAST = "forecast"
    CONFLICTS = "conflicts"
    RUN = "run"
    UNDO = "undo"
    RESUME = "resume"
    REPORT = "report"
    VERIFY = "verify"
    BATCH_PLAN = "batch-plan"
    BATCH_RUN = "batch-run"
    BATCH_RESUME = "batch-resume"
    BATCH_RETRY = "batch-retry"
    BATCH_LAND = "batch-land"
    BATCH_UNDO = "batch-undo"
    BATCH_REPORT = "batch-report"
    BATCH_LIST = "batch-list"
    CATEGORIES = "categories"
    CLAIM = "claim"
    CLAIMS = "claims"
    DOCTOR = "doctor"
    ORDER = "order"
    PROTECTIONS = "protections"
    PRUNE = "prune"
    PRUNE_MERGED = "prune-merged"
    PUSH = "push"
    RELEASE = "release"
    RESOLUTION = "resolution"
    RESOLUTIONS = "resolutions"
    RESOLUTIONS_EXPORT = "res-export"
    RESOLUTIONS_FORGET = "res-forget"
    RESOLUTIONS_IMPORT = "res-import"
    RESOLUTIONS_LEARN = "res-learn"
    RESOLVE = "resolve"
    RESOLVING = "resolving"
    RESTORE = "restore"
    SETTINGS = "settings"
    STORY = "story"
    TOUCHES = "touches"
    WORK_TREE = "work-tree"
    WORK_TREE_CHANGE = "work-tree-change"

    @property
    def moves_branches(self) -> bool:
        """True for what has to be stopped cleanly; anything else is ended at once and leaves nothing."""
        return self.runs_tasks or self in _MOVING

    @property
    def is_exclusive(self) -> bool:
        """True for what moves refs: one such job at a time in a repository.

        Not for batches: their tasks take hours, and their landings wait for other moves by themselves.
        """
        return self is JobKind.FETCH or self in _MOVING

    @property
    def runs_tasks(self) -> bool:
        """True for what may execute commands of a plan that was submitted: it takes long, and needs to be allowed."""
        return self in (JobKind.BATCH_RUN, JobKind.BATCH_RESUME, JobKind.BATCH_RETRY, JobKind.BATCH_LAND)

    @property
    def needs_folder(self) -> bool:
        """True for what needs branches of the repository's own, which one by address does not have."""
        return self.value.startswith(("batch-", "work-tree"))

    @property
    def role(self) -> Role:
        """The role that asking for it needs, when it is asked for and when it is carried out."""
        if self is JobKind.WORK_TREE:
            return Role.VIEWER
        return Role.LANDER if self.moves_branches or self in _OF_LANDERS else Role.OPERATOR


_MOVING = frozenset(
    (
        *(JobKind.RUN, JobKind.UNDO, JobKind.RESUME, JobKind.RESTORE, JobKind.PUSH, JobKind.RESOLVE),
        *(JobKind.PRUNE, JobKind.PRUNE_MERGED, JobKind.BATCH_UNDO, JobKind.WORK_TREE_CHANGE),
    )
)
_OF_LANDERS = frozenset((JobKind.BATCH_PLAN, JobKind.RESOLUTIONS_FORGET, JobKind.RESOLUTIONS_IMPORT))
"""They move no branch, and decide what later jobs execute or how they resolve."""


class Asked(StrEnum):
    """What a batch under way is asked, beside to stop."""

    NOTHING = ""
    PAUSE = "pause"
    """Start no further task."""
    CANCEL = "cancel"
    """End what runs."""


class JobState(StrEnum):
    """How far a job got."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    """Carried out; its document says what came of it."""
    FAILED = "failed"
    """Ended by an error; nothing more is done about it."""
    STOPPED = "stopped"
    """Stopped on request. A run that was stopped before it published goes on with a job of kind `resume`."""

    @property
    def is_over(self) -> bool:
        """True when the job changes no more."""
        return self in (JobState.DONE, JobState.FAILED, JobState.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the database knows it.

    Attributes:
        id: in addresses and documents.
        repository: name of the repository.
        params: what was asked, as the API takes it.
        plan_id: the plan it made or carries out.
        run_id: the newest run that it began.
        token: fencing token; it rises with every claim.
        attempts: how often it was claimed.
        worker: who claimed it last.
        stop_requested: it is to end cleanly.
        asked: see `Asked`.
        created_by: name of the token that asked.
        outcome: in a word, such as `ok` or `attention`; empty before the end.
        error: code, message and hint of the error that ended it.
        request_id: of the request that asked, for logs; empty without one.
        trace: the span that asked, as a `traceparent` header says it; empty without one.
    """

    id: str
    repository: str
    kind: JobKind
    state: JobState
    params: Mapping[str, Any] = field(default_factory=dict)
    plan_id: str | None = None
    run_id: str | None = None
    token: int = 0
    attempts: int = 0
    worker: str = ""
    stop_requested: bool = False
    asked: str = ""
    created_by: str = ""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: str = ""
    error: Mapping[str, Any] | None = None
    request_id: str = ""
    trace: str = ""

    @property
    def is_narrowed(self) -> bool:
        """True when the request named some branches or targets: what came of it is not true of the whole repository."""
        return is_narrowed(self.params)


def is_narrowed(params: Mapping[str, Any]) -> bool:
    """Whether a request named some branches or targets."""
    return any(params.get(name) for name in ("only", "exclude", "targets", "branch"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is asked for.

    Attributes:
        idempotency_key: given by the client; the same key of the same actor names the same job.
        digest: of the whole request, which must be the same for the same key.
        text: a long text that belongs to the request, such as a plan; kept apart.
        is_alone: refused while another job of the repository runs tasks.
        request_id, trace: see `Job`.
    """

    repository: str
    kind: JobKind
    params: Mapping[str, Any] = field(default_factory=dict)
    plan_id: str | None = None
    run_id: str | None = None
    created_by: str
    idempotency_key: str | None = None
    digest: str = ""
    text: str | None = None
    is_alone: bool = False
    request_id: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """One thing that happened in a repository of the service.

    Attributes:
        seq: rises by one within a repository; the id in event streams.
        kind: `job` or a kind of the engine's events.
        document: as JSON text.
    """

    seq: int
    job: str
    kind: str
    at: datetime
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRepository:
    """A repository that the service works on.

    Attributes:
        id: never given to another repository, as the name of a removed one may be.
        name: in addresses.
        path: of a folder on the machine of the workers.
        url: where its branches are; None when they are in the folder itself.
        config_file: the operator's settings for it; None for those in its git directory.
        credential: kind of the credential for its address; None when it has none.
        last_event: number of its newest event.
    """

    id: str
    name: str
    path: str
    url: str | None = None
    config_file: str | None = None
    credential: str | None = None
    created_at: datetime
    last_event: int = 0
