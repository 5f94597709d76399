"""Which request asked for a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s0007"
down_revision = "s0006"


def upgrade() -> None:
    """Add the columns."""
    for name in ("request_id", "trace"):
        op.add_column("service_jobs", sa.Column(name, sa.String(length=64), server_default="", nullable=False))
