"""What batches need: the text that was submitted, the output of tasks, and what a running job is asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0003"
down_revision = "s0002"


KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make it."""
    op.add_column("service_jobs", sa.Column("asked", sa.String(length=16), server_default="", nullable=False))
    op.create_table(
        "service_inputs",
        sa.Column("job", KEY, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_table(
        "service_task_logs",
        sa.Column("job", KEY, autoincrement=False, nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("at", KEY, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job", "task", "at"),
    )
