"""Events of batch runs, of all jobs that carried them out."""

from __future__ import annotations

from sqlalchemy import select

from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_EVENTS, _JOBS = schema.events, schema.jobs


class BatchEvents:
    """Reads events of batch runs."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def newest(self, repository: str, batch_id: str, *, kind: str = "", limit: int) -> tuple[str, ...]:
        """Documents of the newest events of a batch run, oldest first.

        Args:
            repository: by name.
            batch_id: of the run.
            kind: of events; empty for all.
            limit: at most so many.

        Raises:
            NotFound: there is no such repository.
        """
        with self._database.reading() as connection:
            query = (
                select(_EVENTS.c.body)
                .join(_JOBS, _JOBS.c.number == _EVENTS.c.job)
                .where(_EVENTS.c.repository == repository_number(connection, repository))
                .where(_JOBS.c.run_id == batch_id, _EVENTS.c.kind == kind if kind else _EVENTS.c.kind != "job")
                .order_by(_EVENTS.c.seq.desc())
                .limit(limit)
            )
            return tuple(row.body for row in reversed(connection.execute(query).all()))

    def after(self, repository: str, batch_id: str, seq: int, *, limit: int) -> tuple[tuple[int, str], ...]:
        """Events of a batch run behind a number of the service, oldest first: number and document.

        Raises:
            NotFound: there is no such repository.
        """
        with self._database.reading() as connection:
            query = (
                select(_EVENTS.c.seq, _EVENTS.c.body)
                .join(_JOBS, _JOBS.c.number == _EVENTS.c.job)
                .where(_EVENTS.c.repository == repository_number(connection, repository), _EVENTS.c.seq > seq)
                .where(_JOBS.c.run_id == batch_id, _EVENTS.c.kind != "job")
                .order_by(_EVENTS.c.seq)
                .limit(limit)
            )
            return tuple((row.seq, row.body) for row in connection.execute(query))
