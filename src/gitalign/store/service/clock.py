"""The database's clock, inside statements: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class now_ms(FunctionElement[int]):
    """The time at which the statement is carried out, by the database's clock."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _of_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"  # unixepoch('subsec') needs SQLite 3.42


@compiles(now_ms, "postgresql")
def _of_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def instant(milliseconds: int) -> datetime:
    """An instant of the database."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def as_time(milliseconds: int | None) -> datetime | None:
    """An instant of the database; None for none."""
    return None if milliseconds is None else instant(milliseconds)


def as_ms(when: datetime | None) -> int | None:
    """An instant as the database keeps it."""
    return None if when is None else (when.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
