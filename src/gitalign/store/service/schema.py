"""Tables of the service. Made by the migrations in `migrations`, of which this module says what they come to.

Instants are milliseconds since 1970 by the database's clock (`clock.py`). `info` says what backups need to know: see `backup.py`.
A later release may add tables, and columns that may be null or have a default on the server: servers of the release before go on
working beside it.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from gitalign.store.schema import AsciiText, Key

HEAD_REVISION = "s0013"
VERSION_TABLE = "service_version"

metadata = MetaData()

repositories = Table(
    "service_repositories",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("path", AsciiText, nullable=False),
    Column("config_file", AsciiText),
    Column("last_event", Key, nullable=False, server_default="0", info={"counter": True}),
    Column("created_at", Key, nullable=False),
    Column("id", String(32)),
    Column("url", AsciiText),
    Column("places", Text),
    Index("service_repositories_by_id", "id", unique=True),
)
"""`id` is random and never given out again: the name of a removed repository may be, and SQLite's numbers are.

A transaction that writes events of a repository holds the lock of its row: `last_event` becomes visible in order.
`places` is JSON: paths of the machine that its documents may name, and what is shown instead."""

jobs = Table(
    "service_jobs",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("repository", Key, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("is_exclusive", Boolean, nullable=False),
    Column("params", Text, nullable=False),
    Column("plan_id", String(64)),
    Column("run_id", String(40)),
    Column("token", Key, nullable=False, server_default="0", info={"counter": True}),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", String(200), nullable=False, server_default=""),
    Column("lease_until", Key, nullable=False, server_default="0"),
    Column("not_before", Key, nullable=False, server_default="0"),
    Column("stop_requested", Boolean, nullable=False, server_default=text("false")),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("started_at", Key),
    Column("finished_at", Key),
    Column("outcome", String(24), nullable=False, server_default=""),
    Column("error", Text),
    Column("idempotency_key", String(200)),
    Column("digest", String(64), nullable=False, server_default=""),
    Column("request_id", String(64), nullable=False, server_default=""),
    Column("trace", String(64), nullable=False, server_default=""),
    Column("asked", String(16), nullable=False, server_default=""),
    Column("is_narrowed", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("created_by", "idempotency_key", name="service_jobs_by_key"),
    Index("service_jobs_by_repository", "repository", "number"),
    Index("service_jobs_by_kind", "repository", "kind", "state", "number"),
    Index("service_jobs_whole", "repository", "is_narrowed", "kind", "state", "number"),
    Index("service_jobs_by_plan", "plan_id"),
    Index("service_jobs_by_run", "run_id"),
    Index("service_jobs_by_end", "finished_at"),
)

RUNNING: ColumnElement[str] = literal_column("'running'")
OPEN: tuple[ColumnElement[str], ...] = (literal_column("'queued'"), RUNNING)
"""As the partial indexes of the migrations say it: a database takes one only where the words are the same.

`service_jobs_exclusive` is the guarantee that one job alone moves branches of a repository; `service_jobs_open` keeps claims
short.
"""

documents = Table(
    "service_documents",
    metadata,
    Column("job", Key, primary_key=True, autoincrement=False),
    Column("media_type", String(100), nullable=False),
    Column("body", AsciiText, nullable=False),
)
"""What jobs came to; of a batch run also how it stands, while it is under way."""

inputs = Table(
    "service_inputs",
    metadata,
    Column("job", Key, primary_key=True, autoincrement=False),
    Column("body", AsciiText, nullable=False),
)
"""Long texts that jobs were given: kept apart, so that lists of jobs and the audit trail stay short."""

task_logs = Table(
    "service_task_logs",
    metadata,
    Column("job", Key, primary_key=True, autoincrement=False),
    Column("task", String(100), primary_key=True),
    Column("at", Key, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""Output of the tasks of batches, in pieces, each at its offset in bytes."""

project_plans = Table(
    "service_project_plans",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("body", AsciiText, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("changed_at", Key, nullable=False),
)
"""The execution plan of a project: of a repository, as the original requests have it."""

webhooks = Table(
    "service_webhooks",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("repository", Key, nullable=False),
    Column("url", AsciiText, nullable=False),
    Column("secret", String(100), nullable=False),
    Column("kinds", Text, nullable=False),
    Column("seq", Key, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("sealed", Text),
)
"""`seq` is the last event of the repository for which deliveries were written. The secret signs, so it cannot be a hash: `sealed` is it,
encrypted; `secret` holds it only where the operator named no key."""

deliveries = Table(
    "service_deliveries",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("webhook", Key, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Key, nullable=False),
    Column("status", Integer),
    Column("detail", Text, nullable=False, server_default=""),
    Column("created_at", Key, nullable=False),
    Column("finished_at", Key),
    Index("service_deliveries_due", "state", "next_at"),
    Index("service_deliveries_by_webhook", "webhook", "number"),
)

OF_JOBS = (documents, inputs, task_logs)
"""Tables whose rows go with their job, beside its events."""

events = Table(
    "service_events",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("job", Key, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at", Key, nullable=False),
    Column("body", Text, nullable=False),
    Index("service_events_by_job", "job", "seq"),
)

schedules = Table(
    "service_schedules",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("repository", Key, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("cron", String(100), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("quiet", String(11)),
    Column("params", Text, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("next_at", Key, nullable=False),
    Column("last_at", Key),
    Column("last_job", String(32)),
    Column("disabled_at", Key),
    Index("service_schedules_by_time", "next_at"),
    Index("service_schedules_by_repository", "repository"),
)

credentials = Table(
    "service_credentials",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("changed_at", Key, nullable=False),
    Column("disabled_at", Key),
    Column("last_used_at", Key),
)
"""What remotes ask for, encrypted with the operator's key."""

health = Table(
    "service_health",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("repository", Key, nullable=False),
    Column("at", Key, nullable=False),
    Column("branches", Integer, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("behind", Integer, nullable=False),
    Column("age_days", Integer),
    Index("service_health_by_repository", "repository", "at"),
)
"""Numbers of a repository as a job saw them; they stay when the job is forgotten."""

tokens = Table(
    "service_tokens",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("role", String(16), nullable=False),
    Column("repositories", Text, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("expires_at", Key),
    Column("last_used_at", Key),
    Column("revoked_at", Key),
    Column("repository_ids", Text),
    Column("person", Key),
    Column("issuer", String(500)),
    Index("service_tokens_by_person", "person"),
)
"""`repositories` holds the names at the time of creation, for servers of an older release; `repository_ids` decides.

`person` is the number of the user whose personal token it is; `issuer` is of the CI whose run got it.
"""

users = Table(
    "service_users",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("repository_ids", Text, nullable=False),
    Column("password", Text),
    Column("issuer", String(500)),
    Column("subject", String(255)),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("disabled_at", Key),
    Column("removed_at", Key),
    Column("last_sign_in_at", Key),
    UniqueConstraint("issuer", "subject", name="service_users_by_subject"),
)
"""Rows of removed people stay, without password: neither the name nor what a provider calls them comes back."""

sessions = Table(
    "service_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("token", Key, nullable=False),
    Column("is_link", Boolean, nullable=False),
    Column("expires_at", Key, nullable=False),
    Column("id", String(16), nullable=False, server_default=""),
    Column("person", Key, nullable=False, server_default="0"),
    Column("created_at", Key, nullable=False, server_default="0"),
    Column("seen_at", Key, nullable=False, server_default="0"),
    Column("address", String(64), nullable=False, server_default=""),
    Column("agent", String(200), nullable=False, server_default=""),
    Index("service_sessions_by_token", "token"),
    Index("service_sessions_by_person", "person"),
    info={"transient": True},
)
"""Browsers that signed in, and links that sign one in once. Each belongs to a person, or else to a token: 0 stands for none."""

answers = Table(
    "service_answers",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("created_at", Key, nullable=False),
    Column("sealed", Text),
    Index("service_answers_by_time", "created_at"),
    info={"transient": True},
)
"""What requests with an `Idempotency-Key` that write no job were answered; null while it is not known.

`digest` is of the key and who sent it, `request` of what was asked; the answer is encrypted with what the sender alone has.
"""

audit = Table(
    "service_audit",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=False),
    Column("at", Key, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", AsciiText, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

heads = Table(
    "service_heads",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("number", Key, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The end of the audit trail; its row is locked while an entry is added."""
