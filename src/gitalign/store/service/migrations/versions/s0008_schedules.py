"""Schedules: when the service forecasts or runs by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0008"
down_revision = "s0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "service_schedules",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("repository", KEY, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("quiet", sa.String(length=11), nullable=True),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("next_at", KEY, nullable=False),
        sa.Column("last_at", KEY, nullable=True),
        sa.Column("last_job", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("service_schedules_by_time", "service_schedules", ["next_at"], unique=False)
    op.create_index("service_schedules_by_repository", "service_schedules", ["repository"], unique=False)
