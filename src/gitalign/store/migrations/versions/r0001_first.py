"""The first tables: runs, events, results, publications, claims, counters, verdicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("number", _KEY, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("undoes", sa.String(40)),
        sa.Column("undone_by", sa.String(40)),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("anchor", sa.Text),
    )
    for name, number in (("events", "seq"), ("results", "step_id")):
        op.create_table(
            name,
            sa.Column("run_id", sa.String(40), primary_key=True),
            sa.Column(number, sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("body", sa.Text, nullable=False),
        )
    op.create_table(
        "publications",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("publications_by_state", "publications", ["run_id", "state"])
    op.create_table(
        "claims",
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("token", _KEY, nullable=False),
    )
    op.create_index("ix_claims_run_id", "claims", ["run_id"])
    op.create_table(
        "counters", sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", _KEY, nullable=False)
    )
    op.create_table(
        "verdicts",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
