"""Tables. Changes come with a migration in `store/migrations`; this module says what the newest revision looks like.

What is asked for is a column: repository, run, branch, target, outcome, state. Documents (`body`) hold the rest, and are
never searched. A run is named by its number, which a database gives only once; the number also orders runs by age.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

HEAD_REVISION = "0005"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC; SQLite hands back naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database: aware."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class AsciiText(TypeDecorator[str]):
    """Names whose bytes may not be UTF-8, kept as JSON strings in ASCII."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database: every other character escaped."""
        return value if value is None or value.isascii() else escaped(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """From the database: as it was."""
        return None if value is None else _unescaped(value)


def escaped(value: str) -> str:
    """A name with other characters than ASCII, as it is stored."""
    return "\x01" + json.dumps(value)


def _unescaped(value: str) -> str:
    return str(json.loads(value[1:])) if value.startswith("\x01") else value


Key = BigInteger().with_variant(Integer, "sqlite")
RunId = String(40).with_variant(String(40, collation="C"), "postgresql")
"""Sorted by its bytes, so that a range of ids is a range of the index."""

metadata = MetaData()

repositories = Table(
    "repositories",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("place", AsciiText, nullable=False, server_default=""),
    Column("token", Key, nullable=False, server_default="0"),
)
"""`token` is the last fencing token that was given out."""

runs = Table(
    "runs",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("repository", Key, nullable=False),
    Column("id", RunId, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("outcome", String(24), nullable=False),
    Column("plan_id", String(64), nullable=False),
    Column("total", Integer, nullable=False),
    Column("undoes", String(40)),
    Column("undone_by", String(40)),
    Column("owner", Text, nullable=False),
    Column("token", Key, nullable=False, server_default="0"),
    Column("is_held", Boolean, nullable=False, server_default=text("false")),
    Column("anchor", Text),
    Column("moved", Integer, nullable=False, server_default="0"),
    Column("undone", Integer, nullable=False, server_default="0"),
    Column("pushed", Integer, nullable=False, server_default="0"),
    Column("stood", Integer, nullable=False, server_default="0"),
    Column("unknown", Integer, nullable=False, server_default="0"),
    UniqueConstraint("repository", "id", name="runs_by_id"),
    Index("runs_by_number", "repository", "number"),
    Index("runs_by_state", "repository", "state", "number"),
    Index("runs_by_end", "repository", "finished_at"),
)
"""The process that carries a run out has its `token`, and `is_held` is true until it gives the run back.

The counts say where the run's moves stand (`_counts` in `store/moves.py`).
"""
STANDING = text("(moved > undone OR stood > 0)")
"""Of runs with a move that is not put back, or with a branch that was only pushed. As the partial index says it."""
UNSETTLED = text("unknown > 0")
"""Of runs with a push of which it is not known whether it arrived. As the partial index says it."""
PARTIAL_INDEXES = (
    f"CREATE INDEX runs_that_stand ON runs (repository, number) WHERE {STANDING.text}",
    f"CREATE INDEX runs_unsettled ON runs (repository, number) WHERE {UNSETTLED.text}",
)
"""Apart from their table: SQLAlchemy imports every dialect that an index has words for, and each start would wait for it."""

plans = Table(
    "plans",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("repository", Key, nullable=False),
    Column("branch", AsciiText, nullable=False),
    Column("target", AsciiText, nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("body", Text, nullable=False),
    Index("results_by_branch", "repository", "branch", "outcome", "run"),
)

resolved = Table(
    "resolved",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("conflict", String(64), primary_key=True),
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Index("resolved_by_run", "run", "step"),
)
"""Which result has which recorded resolution in it."""

publications = Table(
    "publications",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("repository", Key, nullable=False),
    Column("ref", AsciiText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("push", String(16), nullable=False),
    Column("before_oid", String(64), nullable=False),
    Column("after_oid", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Index("publications_by_ref", "repository", "ref", "run", unique=True),
    Index("publications_by_state", "run", "state", "push"),
)

claims = Table(
    "claims",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("ref", AsciiText, primary_key=True),
    Column("run", Key, nullable=False),
    Column("owner", Text, nullable=False),
    Column("token", Key, nullable=False),
    Index("claims_by_run", "run"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("verdicts_by_age", "repository", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("ref", AsciiText, primary_key=True),
    Column("branch", AsciiText, nullable=False),
    Column("target", AsciiText, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

path_claims = Table(
    "path_claims",
    metadata,
    Column("repository", Key, primary_key=True, autoincrement=False),
    Column("id", String(40), primary_key=True),
    Column("holder", AsciiText, nullable=False),
    Column("patterns", Text, nullable=False),
    Column("note", AsciiText, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("repository", Key, nullable=False),
    Column("id", String(36), nullable=False),
    Column("name", AsciiText, nullable=False),
    Column("local_path", AsciiText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("writes", Key, nullable=False, server_default="0"),
    UniqueConstraint("repository", "id", name="projects_by_id"),
)
"""What plans call the repository. Transactions that change metadata of a project begin with `writes`, one at a time."""

project_metadata = Table(
    "project_metadata",
    metadata,
    Column("project", Key, primary_key=True, autoincrement=False),
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)
"""A row for each key, with a JSON value: what two processes change at once is all kept."""

batch_runs = Table(
    "batch_runs",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("repository", Key, nullable=False),
    Column("id", RunId, nullable=False),
    Column("project", Key, nullable=False),
    Column("target", AsciiText, nullable=False),
    Column("plan_digest", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("execution_mode", String(24), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("current_batch", Integer),
    Column("completed_batches", Integer, nullable=False),
    Column("batches_total", Integer, nullable=False),
    Column("completed_tasks", Integer, nullable=False),
    Column("tasks_total", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("token", Key, nullable=False),
    Column("request", String(16), nullable=False, server_default=""),
    Column("body", Text, nullable=False),
    Column("plan", Text, nullable=False),
    UniqueConstraint("repository", "id", name="batch_runs_by_id"),
    Index("batch_runs_by_number", "repository", "number"),
    Index("batch_runs_by_plan", "repository", "plan_digest", "number"),
    Index("batch_runs_by_project", "project", "number"),
)

batch_tasks = Table(
    "batch_tasks",
    metadata,
    Column("batch_run", Key, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", AsciiText, nullable=False),
    Column("batch_number", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("body", Text, nullable=False),
)

batch_events = Table(
    "batch_events",
    metadata,
    Column("batch_run", Key, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

parallel_batches = Table(
    "parallel_batches",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("project", Key, nullable=False),
    Column("batch_run", Key, nullable=False),
    Column("batch_number", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("task_ids", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("body", Text, nullable=False),
    Index("parallel_batches_by_run", "batch_run", "project", "batch_number", unique=True),
    Index("parallel_batches_by_project", "project", "batch_run"),
)
"""Those that were planned without a run have 0 for it."""

worktrees = Table(
    "worktrees",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("project", Key, nullable=False),
    Column("batch_run", Key, nullable=False),
    Column("task_id", AsciiText, nullable=False),
    Column("branch_name", AsciiText, nullable=False),
    Column("worktree_path", AsciiText, nullable=False),
    Column("status", String(16), nullable=False),
    Column("merge_commit", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("merged_at", UtcDateTime),
    Index("worktrees_by_task", "batch_run", "task_id", unique=True),
    Index("worktrees_by_project", "project"),
)

batch_worktrees = Table(
    "batch_worktrees",
    metadata,
    Column("batch", Key, primary_key=True, autoincrement=False),
    Column("worktree", Key, primary_key=True, autoincrement=False),
    Index("batch_worktrees_by_worktree", "worktree"),
)
"""Numbers of `parallel_batches` and of `worktrees`."""
