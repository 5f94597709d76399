"""Schedules and credentials can be switched off; a credential says when it was used last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0012"
down_revision = "s0011"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns."""
    op.add_column("service_schedules", sa.Column("disabled_at", KEY, nullable=True))
    op.add_column("service_credentials", sa.Column("disabled_at", KEY, nullable=True))
    op.add_column("service_credentials", sa.Column("last_used_at", KEY, nullable=True))
