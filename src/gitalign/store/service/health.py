"""Numbers of repositories over time, written by the jobs that saw them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from gitalign.core.health import Health, HealthRecord
from gitalign.store.service import schema
from gitalign.store.service.clock import instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_HEALTH = schema.health
_MS_PER_DAY = 86_400_000
_MOST = 2_000


def write_health(connection: Connection, health: Health, *, repository: int) -> None:
    """Write down what a job saw, in the transaction that ends it.

    Args:
        connection: in a transaction that writes.
        health: numbers.
        repository: its number.
    """
    values: dict[str, Any] = {
        "repository": repository,
        "at": now_ms(),
        "branches": health.branches,
        "conflicts": health.conflicts,
        "behind": health.behind,
        "age_days": health.age_days,
    }
    connection.execute(insert(_HEALTH).values(**values))


class HealthRecords:
    """Reads the numbers of repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def of_days(self, repository: str, days: int) -> tuple[HealthRecord, ...]:
        """The records of the last days, oldest first, and the newest one before them: it holds until the next.

        Args:
            repository: by name.
            days: how many.

        Raises:
            NotFound, StoreError
        """
        with self._database.reading() as connection:
            mine = _HEALTH.c.repository == repository_number(connection, repository)
            start = now_ms() - days * _MS_PER_DAY
            newest_first = _HEALTH.c.at.desc()
            within = select(_HEALTH).where(mine, _HEALTH.c.at >= start).order_by(newest_first).limit(_MOST)
            before = select(_HEALTH).where(mine, _HEALTH.c.at < start).order_by(newest_first).limit(1)
            rows = list(connection.execute(within))
            if (
                len(rows) < _MOST
            ):  # else what comes before these is not known, and an older record must not stand for it
                rows += connection.execute(before)
        return tuple(map(_record, reversed(rows)))


def _record(row: Row[Any]) -> HealthRecord:
    health = Health(branches=row.branches, conflicts=row.conflicts, behind=row.behind, age_days=row.age_days)
    return HealthRecord(at=instant(row.at), health=health)
