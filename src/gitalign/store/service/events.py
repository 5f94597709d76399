"""Events of repositories: numbered in the transaction that writes them, read in pages by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, select, update

from gitalign.core.jobs import ServiceEvent
from gitalign.store.service import schema
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import event_of, repository_number

_EVENTS, _REPOSITORIES, _JOBS = schema.events, schema.repositories, schema.jobs
PAGE = 500


def append(connection: Connection, *, repository: int, job: int, events: Sequence[tuple[str, str]]) -> int:
    """Write events within a transaction, which holds the row of the repository from here on.

    Args:
        connection: in a transaction that writes.
        repository: its number.
        job: its number.
        events: kind and document of each.

    Returns:
        The number of the last one.
    """
    statement = (
        update(_REPOSITORIES)
        .where(_REPOSITORIES.c.number == repository)
        .values(last_event=_REPOSITORIES.c.last_event + len(events))
        .returning(_REPOSITORIES.c.last_event, now_ms().label("at"))
    )
    row = connection.execute(statement).one()
    first = row.last_event - len(events) + 1
    rows = [
        {"repository": repository, "seq": first + at, "job": job, "kind": kind, "at": row.at, "body": body}
        for at, (kind, body) in enumerate(events)
    ]
    connection.execute(insert(_EVENTS), rows)
    return int(row.last_event)


class EventReader:
    """Reads the events of repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def after(
        self, repository: str, seq: int, *, job: str | None = None, limit: int = PAGE
    ) -> tuple[ServiceEvent, ...]:
        """Events of a repository behind a number, oldest first.

        Args:
            repository: by name.
            seq: the last one that is known.
            job: only those of this job.
            limit: at most so many.

        Raises:
            NotFound, StoreError
        """
        with self._database.reading() as connection:
            number = repository_number(connection, repository)
            query = (
                select(_EVENTS, _JOBS.c.id.label("job_id"))
                .join(_JOBS, _JOBS.c.number == _EVENTS.c.job)
                .where(_EVENTS.c.repository == number, _EVENTS.c.seq > seq)
                .order_by(_EVENTS.c.seq)
                .limit(limit)
            )
            if job is not None:
                query = query.where(_JOBS.c.id == job)
            return tuple(map(event_of, connection.execute(query)))

    def newest_of(self, repository: str, job: str, *, limit: int) -> tuple[ServiceEvent, ...]:
        """The newest events of a job, oldest first.

        Args:
            repository: of the job.
            job: by id.
            limit: at most so many.
        """
        with self._database.reading() as connection:
            query = (
                select(_EVENTS, _JOBS.c.id.label("job_id"))
                .join(_JOBS, _JOBS.c.number == _EVENTS.c.job)
                .where(_JOBS.c.id == job, _EVENTS.c.repository == repository_number(connection, repository))
                .order_by(_EVENTS.c.seq.desc())
                .limit(limit)
            )
            return tuple(map(event_of, reversed(connection.execute(query).all())))

    def last(self) -> Mapping[str, int]:
        """The number of the newest event of every repository."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_REPOSITORIES.c.name, _REPOSITORIES.c.last_event))
            return {row.name: row.last_event for row in rows}
