"""Batch runs, with their batches, tasks, work trees and events; projects with their metadata."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_RUN_ID = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "projects",
        _number(),
        _column("repository", _KEY),
        _column("id", sa.String(36)),
        _column("name", sa.Text),
        _column("local_path", sa.Text),
        _column("created_at", at),
        _column("writes", _KEY, server_default="0"),
        sa.UniqueConstraint("repository", "id", name="projects_by_id"),
    )
    op.create_table(
        "project_metadata",
        _part_of_key("project", _KEY),
        _part_of_key("key", sa.String(100)),
        _column("value", sa.Text),
    )
    _batch_runs(at)
    op.create_table(
        "batch_tasks",
        _part_of_key("batch_run", _KEY),
        _part_of_key("position", sa.Integer),
        _column("id", sa.Text),
        _column("batch_number", sa.Integer),
        _column("status", sa.String(16)),
        _column("body", sa.Text),
    )
    op.create_table(
        "batch_events", _part_of_key("batch_run", _KEY), _part_of_key("seq", sa.Integer), _column("body", sa.Text)
    )
    _batches_and_trees(at)


def _batch_runs(at: sa.DateTime) -> None:
    op.create_table(
        "batch_runs",
        _number(),
        _column("repository", _KEY),
        _column("id", _RUN_ID),
        _column("project", _KEY),
        _column("target", sa.Text),
        _column("plan_digest", sa.String(64)),
        _column("status", sa.String(16)),
        _column("execution_mode", sa.String(24)),
        _column("created_at", at),
        sa.Column("started_at", at),
        sa.Column("finished_at", at),
        sa.Column("current_batch", sa.Integer),
        _column("completed_batches", sa.Integer),
        _column("batches_total", sa.Integer),
        _column("completed_tasks", sa.Integer),
        _column("tasks_total", sa.Integer),
        _column("owner", sa.Text),
        _column("token", _KEY),
        _column("request", sa.String(16), server_default=""),
        _column("body", sa.Text),
        _column("plan", sa.Text),
        sa.UniqueConstraint("repository", "id", name="batch_runs_by_id"),
    )
    op.create_index("batch_runs_by_number", "batch_runs", ["repository", "number"])
    op.create_index("batch_runs_by_plan", "batch_runs", ["repository", "plan_digest", "number"])
    op.create_index("batch_runs_by_project", "batch_runs", ["project", "number"])


def _batches_and_trees(at: sa.DateTime) -> None:
    op.create_table(
        "parallel_batches",
        _number(),
        _column("project", _KEY),
        _column("batch_run", _KEY),
        _column("batch_number", sa.Integer),
        _column("status", sa.String(16)),
        _column("task_ids", sa.Text),
        _column("created_at", at),
        sa.Column("started_at", at),
        sa.Column("completed_at", at),
        _column("body", sa.Text),
    )
    by_run = ["batch_run", "project", "batch_number"]
    op.create_index("parallel_batches_by_run", "parallel_batches", by_run, unique=True)
    op.create_index("parallel_batches_by_project", "parallel_batches", ["project", "batch_run"])
    op.create_table(
        "worktrees",
        _number(),
        _column("project", _KEY),
        _column("batch_run", _KEY),
        _column("task_id", sa.Text),
        _column("branch_name", sa.Text),
        _column("worktree_path", sa.Text),
        _column("status", sa.String(16)),
        sa.Column("merge_commit", sa.String(64)),
        _column("created_at", at),
        sa.Column("merged_at", at),
    )
    op.create_index("worktrees_by_task", "worktrees", ["batch_run", "task_id"], unique=True)
    op.create_index("worktrees_by_project", "worktrees", ["project"])
    op.create_table("batch_worktrees", _part_of_key("batch", _KEY), _part_of_key("worktree", _KEY))
    op.create_index("batch_worktrees_by_worktree", "batch_worktrees", ["worktree"])


def _number() -> sa.Column[Any]:
    return sa.Column("number", _KEY, primary_key=True, autoincrement=True)


def _part_of_key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _column(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)
