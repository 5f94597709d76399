"""Health of repositories over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0005"
down_revision = "s0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "service_health",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("repository", KEY, nullable=False),
        sa.Column("at", KEY, nullable=False),
        sa.Column("branches", sa.Integer(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("age_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("service_health_by_repository", "service_health", ["repository", "at"], unique=False)
