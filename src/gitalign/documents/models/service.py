"""Models: what the service says of repositories, jobs, tokens and its audit trail."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind, JobState
from gitalign.core.schedules import ScheduledKind
from gitalign.core.webhooks import DeliveryState
from gitalign.documents.models.pair_conflicts import PairConflictDocument
from gitalign.documents.models.pair_counts import ContestDocument, PairCountDocument, UnmergedPairDocument
from gitalign.documents.models.plans import BranchProtectionDocument
from gitalign.documents.models.timestamps import Time


class JobErrorDocument(TypedDict):
    """What ended a job."""

    code: str
    message: str
    hint: str
    exit_code: int


class JobDocument(TypedDict):
    """One job."""

    id: str
    repository: str
    kind: JobKind
    state: JobState
    params: dict[str, Any]
    plan_id: str | None
    run_id: str | None
    attempts: int
    stop_requested: bool
    asked: str
    created_by: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    outcome: str
    error: JobErrorDocument | None


class TaskLogDocument(TypedDict):
    """Output of a task of a batch run, from an offset in bytes; `next` is the offset behind it."""

    batch_run: str
    task: str
    offset: int
    next: int
    text: str
    is_over: bool


class JobsDocument(TypedDict):
    """Jobs, newest first; `next` asks for those before them, and is null at the end."""

    jobs: list[JobDocument]
    next: str | None


class ServedRepositoryDocument(TypedDict):
    """One repository of the service; its folder on the machine of the workers and its address are for administrators."""

    id: str
    name: str
    path: str | None
    url: str | None
    credential: str | None
    config_file: str | None
    created_at: Time
    last_event: int


class RepositoriesDocument(TypedDict):
    """Repositories of the service, by name."""

    repositories: list[ServedRepositoryDocument]


class ScheduleDocument(TypedDict):
    """One schedule; `last_job` is null when its last time was left out, `disabled_at` while it is switched on."""

    id: str
    repository: str
    kind: ScheduledKind
    cron: str
    zone: str
    quiet: str | None
    params: dict[str, Any]
    created_by: str
    created_at: Time
    next_at: Time
    last_at: Time | None
    last_job: str | None
    disabled_at: Time | None


class SchedulesDocument(TypedDict):
    """Schedules of a repository, oldest first."""

    schedules: list[ScheduleDocument]


class TokenDocument(TypedDict):
    """One token; `token` is there only in the answer to its creation."""

    id: str
    name: str
    role: Role
    repositories: list[str]
    created_at: Time
    created_by: str
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None
    user: str | None
    token: str | None


class TokensDocument(TypedDict):
    """Tokens, oldest first."""

    tokens: list[TokenDocument]


class UserDocument(TypedDict):
    """One person; `issuer` is the OpenID provider that the person signs in with, null for a password."""

    id: str
    name: str
    role: Role
    repositories: list[str]
    issuer: str | None
    has_password: bool
    created_at: Time
    created_by: str
    disabled_at: Time | None
    removed_at: Time | None
    last_sign_in_at: Time | None


class UsersDocument(TypedDict):
    """People by name."""

    users: list[UserDocument]


class SessionDocument(TypedDict):
    """One browser that is signed in; `is_this` says that the request came with it."""

    id: str
    created_at: Time
    seen_at: Time
    expires_at: Time
    address: str
    agent: str
    is_this: bool


class AccountDocument(TypedDict):
    """Who asks: a person, with `user`, or a token; with the browsers that are signed in and the personal tokens."""

    id: str
    name: str
    role: Role
    repositories: list[str]
    user: UserDocument | None
    sessions: list[SessionDocument]
    tokens: list[TokenDocument]


class AuditCheckDocument(TypedDict):
    """What verifying the audit trail came to."""

    is_sound: bool
    entries: int
    head: str
    fault: str


class AuditEntryDocument(TypedDict):
    """One entry of the audit trail."""

    number: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    previous: str
    hash: str


class ServiceDatabaseDocument(TypedDict):
    """The database of the service: its revision and the one this release needs, rows by table, what is wrong, and the file."""

    place: str
    revision: str | None
    newest: str
    is_sound: bool
    rows: dict[str, int]
    faults: list[str]
    file: str | None


class ServiceBackupDocument(TypedDict):
    """The first line of a backup of the service. Rows follow, one a line, and a line with their number and the SHA-256 of all before."""

    revision: str
    release: str


class AuditTrailDocument(TypedDict):
    """Entries of the audit trail, newest first; `next` asks for those before them, and is null at the end."""

    entries: list[AuditEntryDocument]
    next: str | None


class BranchRowDocument(TypedDict):
    """One branch of a repository, as jobs last saw it; `state` is the newest word of forecast, run and plan."""

    branch: str
    target: str
    state: str
    kind: str
    behind: int
    own_commits: int
    forecast: str | None
    verdict: str | None
    detail: str
    notes: list[str]
    authors: list[str]
    """Of its own commits, by the newest forecast; empty before the first."""

    last_commit_at: int | None
    """Seconds since 1970, by the newest forecast."""


class BranchesDocument(TypedDict):
    """Branches by name; the jobs say how old this is."""

    repository: str
    plan_job: str
    planned_at: Time
    forecast_job: str | None
    run_job: str | None
    branches: list[BranchRowDocument]
    next: str | None


class ProtectionsDocument(TypedDict):
    """How the hosting service protects branches."""

    protections: list[BranchProtectionDocument]


class RepositorySettingsDocument(TypedDict):
    """The settings of a repository by section, and where those came from that are not the defaults."""

    settings: dict[str, dict[str, Any]]
    origins: dict[str, str]


class ClashMapDocument(TypedDict):
    """Which branches conflict with one another, as a forecast found out."""

    job: str
    pairs: list[PairCountDocument]
    clashes: list[PairConflictDocument]
    contests: list[ContestDocument]
    unmerged: list[UnmergedPairDocument]
    is_complete: bool


class WebhookDocument(TypedDict):
    """An address that receives what became of jobs; `secret` is there only in the answer to its creation."""

    id: str
    repository: str
    url: str
    kinds: list[str]
    created_by: str
    created_at: Time
    secret: str | None


class WebhooksDocument(TypedDict):
    """Webhooks of a repository, oldest first."""

    webhooks: list[WebhookDocument]


class WebhookDeliveryDocument(TypedDict):
    """One message to a webhook; `status` and `detail` are of its newest attempt."""

    id: str
    kind: str
    state: DeliveryState
    attempts: int
    status: int | None
    detail: str
    created_at: Time
    next_at: Time | None
    finished_at: Time | None


class WebhookDeliveriesDocument(TypedDict):
    """Deliveries of a webhook, newest first; `next` asks for those before them, and is null at the end."""

    deliveries: list[WebhookDeliveryDocument]
    next: str | None


class HealthDocument(TypedDict):
    """The process answers."""

    status: str
    release: str


class ReadinessDocument(TypedDict):
    """The database answers."""

    status: str
