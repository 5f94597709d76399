"""Paths of the machines that are hidden from people without administration, and sealed secrets of webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0010"
down_revision = "s0009"


def upgrade() -> None:
    """Add both columns."""
    op.add_column("service_repositories", sa.Column("places", sa.Text(), nullable=True))
    op.add_column("service_webhooks", sa.Column("sealed", sa.Text(), nullable=True))
