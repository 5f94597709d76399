"""The first tables of the service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0001"
down_revision = None


KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _jobs()
    _what_jobs_leave()
    _accounts()
    op.execute(
        "CREATE UNIQUE INDEX service_jobs_exclusive ON service_jobs (repository) "
        "WHERE state = 'running' AND is_exclusive"
    )
    op.execute("CREATE INDEX service_jobs_open ON service_jobs (number) WHERE state IN ('queued', 'running')")
    op.execute(f"INSERT INTO service_heads (name, number, hash) VALUES ('audit', 0, '{'0' * 64}')")


def _jobs() -> None:
    op.create_table(
        "service_jobs",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("repository", KEY, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_exclusive", sa.Boolean(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=True),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("token", KEY, server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.String(length=200), server_default="", nullable=False),
        sa.Column("lease_until", KEY, server_default="0", nullable=False),
        sa.Column("not_before", KEY, server_default="0", nullable=False),
        sa.Column("stop_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("started_at", KEY, nullable=True),
        sa.Column("finished_at", KEY, nullable=True),
        sa.Column("outcome", sa.String(length=24), server_default="", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("created_by", "idempotency_key", name="service_jobs_by_key"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("service_jobs_by_kind", "service_jobs", ["repository", "kind", "state", "number"], unique=False)
    op.create_index("service_jobs_by_plan", "service_jobs", ["plan_id"], unique=False)
    op.create_index("service_jobs_by_repository", "service_jobs", ["repository", "number"], unique=False)
    op.create_index("service_jobs_by_run", "service_jobs", ["run_id"], unique=False)
    op.create_index("service_jobs_by_end", "service_jobs", ["finished_at"], unique=False)


def _what_jobs_leave() -> None:
    op.create_table(
        "service_documents",
        sa.Column("job", KEY, autoincrement=False, nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_table(
        "service_events",
        sa.Column("repository", KEY, autoincrement=False, nullable=False),
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("job", KEY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", KEY, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "seq"),
    )
    op.create_index("service_events_by_job", "service_events", ["job", "seq"], unique=False)
    op.create_table(
        "service_repositories",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("config_file", sa.Text(), nullable=True),
        sa.Column("last_event", KEY, server_default="0", nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("name"),
    )


def _accounts() -> None:
    op.create_table(
        "service_audit",
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("at", KEY, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "service_heads",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "service_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", KEY, nullable=False),
        sa.Column("is_link", sa.Boolean(), nullable=False),
        sa.Column("expires_at", KEY, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("service_sessions_by_token", "service_sessions", ["token"], unique=False)
    op.create_table(
        "service_tokens",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("repositories", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("expires_at", KEY, nullable=True),
        sa.Column("last_used_at", KEY, nullable=True),
        sa.Column("revoked_at", KEY, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("digest"),
        sa.UniqueConstraint("id"),
    )
