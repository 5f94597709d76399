"""Jobs that ended long ago are forgotten, with their documents and events, and tokens of runs of a CI. The audit trail stays whole."""

from __future__ import annotations

from sqlalchemy import delete, select

from gitalign.store.service import schema
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase

_JOBS = schema.jobs
_AT_ONCE = 200
_MS_PER_DAY = 86_400_000
_HEALTH_DAYS = 400
"""A few numbers for each forecast and run: this year can be compared with the last one."""


def forget_old_jobs(database: ServiceDatabase, *, keep_days: float) -> int:
    """Forget some jobs that ended long ago; call it again until it finds none.

    Args:
        database: of the service.
        keep_days: jobs are kept for so many days after their end.

    Returns:
        How many were forgotten: at most 200, so that others can write in between.
    """
    events, health = schema.events, schema.health
    with database.writing() as connection:
        connection.execute(delete(health).where(health.c.at < now_ms() - _HEALTH_DAYS * _MS_PER_DAY))
        done = schema.deliveries
        connection.execute(delete(done).where(done.c.finished_at < now_ms() - int(keep_days * _MS_PER_DAY)))
        tokens = schema.tokens
        is_of_ci = tokens.c.issuer.is_not(None)
        connection.execute(
            delete(tokens).where(is_of_ci, tokens.c.expires_at < now_ms() - int(keep_days * _MS_PER_DAY))
        )
        # SQLite may give the number of a row that is gone to the next one: a session must not find another token there.
        sessions, known = schema.sessions, select(tokens.c.number)
        connection.execute(delete(sessions).where(sessions.c.token != 0, sessions.c.token.not_in(known)))
        ended = select(_JOBS.c.number).where(_JOBS.c.finished_at < now_ms() - int(keep_days * _MS_PER_DAY))
        numbers = list(connection.execute(ended.order_by(_JOBS.c.finished_at).limit(_AT_ONCE)).scalars())
        if numbers:
            for table in schema.OF_JOBS:
                connection.execute(delete(table).where(table.c.job.in_(numbers)))
            connection.execute(delete(events).where(events.c.job.in_(numbers)))
            connection.execute(delete(_JOBS).where(_JOBS.c.number.in_(numbers)))
        return len(numbers)
