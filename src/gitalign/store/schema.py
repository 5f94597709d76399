"""Tables. Changes come with a migration in `store/migrations`; this module says what the newest revision looks like."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
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
)

HEAD_REVISION = "0002"


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
        return value if value is None or value.isascii() else _escape(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """From the database: as it was."""
        return None if value is None else _unescape(value)


def _escape(value: str) -> str:
    return "\x01" + json.dumps(value)


def _unescape(value: str) -> str:
    return str(json.loads(value[1:])) if value.startswith("\x01") else value


Key = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
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
    Column("plan", Text, nullable=False),
    Column("anchor", Text),
)

events = Table(
    "events",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("ref", AsciiText, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Index("publications_by_state", "run_id", "state"),
)

claims = Table(
    "claims",
    metadata,
    Column("ref", AsciiText, primary_key=True),
    Column("run_id", String(40), nullable=False, index=True),
    Column("owner", Text, nullable=False),
    Column("token", Key, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Key, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("ref", AsciiText, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
