"""Tokens of runs of a CI say which issuer the run is from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0013"
down_revision = "s0012"


def upgrade() -> None:
    """Add the column."""
    op.add_column("service_tokens", sa.Column("issuer", sa.String(length=500), nullable=True))
