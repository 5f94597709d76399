"""Output of the tasks of batches, as workers handed it over."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase

_LOGS, _JOBS = schema.task_logs, schema.jobs


class TaskLogs:
    """Reads what tasks wrote."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def read(self, jobs: Sequence[str], task: str, *, offset: int, most_bytes: int) -> tuple[bytes, int]:
        """Output of a task from an offset on.

        Args:
            jobs: ids of the jobs that carried out the batch run; of the same piece, that of the newest job counts.
            task: of the batch.
            offset: in bytes.
            most_bytes: of the answer.

        Returns:
            The output, and the offset behind it.
        """
        end = _LOGS.c.at + func.length(_LOGS.c.body)
        query = (
            select(_LOGS.c.at, _LOGS.c.body)
            .join(_JOBS, _JOBS.c.number == _LOGS.c.job)
            .where(_JOBS.c.id.in_(jobs), _LOGS.c.task == task, end > offset, _LOGS.c.at < offset + most_bytes)
            .order_by(_LOGS.c.at, _JOBS.c.number.desc())
        )
        parts, reached = [], offset
        with self._database.reading() as connection:
            for row in connection.execute(query):
                piece = bytes(row.body)[max(0, reached - row.at) :]
                if row.at > reached or not piece:
                    continue
                parts.append(piece)
                reached += len(piece)
        body = b"".join(parts)[:most_bytes]
        return body, offset + len(body)
