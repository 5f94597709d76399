"""Jobs about the whole repository are found by an index; answers to requests with an `Idempotency-Key` are kept."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "s0011"
down_revision = "s0010"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OF_SOME_BRANCHES = ("undo", "resume", "restore", "resolve")
_AT_ONCE = 500


def upgrade() -> None:
    """Add them."""
    column: sa.Column[bool] = sa.Column("is_narrowed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("service_jobs", column)
    _mark_narrowed()
    op.create_index(
        "service_jobs_whole", "service_jobs", ["repository", "is_narrowed", "kind", "state", "number"], unique=False
    )
    op.create_table(
        "service_answers",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("service_answers_by_time", "service_answers", ["created_at"], unique=False)


def _mark_narrowed() -> None:
    """Jobs that named some branches, and runs of their plans."""
    connection = op.get_bind()
    jobs = sa.table(
        "service_jobs", *(sa.column(name) for name in ("number", "kind", "params", "plan_id", "is_narrowed"))
    )
    narrowed, plans = [], set()
    for row in connection.execute(sa.select(jobs.c.number, jobs.c.kind, jobs.c.params, jobs.c.plan_id)):
        params = json.loads(row.params)
        named = any(params.get(name) for name in ("only", "exclude", "targets", "branch"))
        if named or row.kind in _OF_SOME_BRANCHES:
            narrowed.append(row.number)
        if named and row.kind == "plan":
            plans.add(row.plan_id)
    runs = sa.select(jobs.c.number, jobs.c.plan_id).where(jobs.c.kind == "run")
    narrowed += [row.number for row in connection.execute(runs) if row.plan_id in plans]
    for at in range(0, len(narrowed), _AT_ONCE):
        change = sa.update(jobs).where(jobs.c.number.in_(narrowed[at : at + _AT_ONCE]))
        connection.execute(change.values(is_narrowed=sa.true()))
