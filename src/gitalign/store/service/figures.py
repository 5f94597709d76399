"""Figures about jobs, as metrics show them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from gitalign.core.jobs import JobState
from gitalign.store.service import schema
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase

_JOBS, _REPOSITORIES = schema.jobs, schema.repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """Jobs at one moment.

    Attributes:
        counts: by kind and state, as far as jobs are kept.
        longest_wait_s: since the oldest job that waits was written; 0 without one.
        lost_leases: running jobs whose worker did not renew its claim in time.
        last_done: repository, kind, and when the newest such job was carried out, in seconds since 1970.
    """

    counts: tuple[tuple[str, str, int], ...]
    longest_wait_s: float
    lost_leases: int
    last_done: tuple[tuple[str, str, float], ...]


def job_figures(database: ServiceDatabase) -> JobFigures:
    """Ask the database.

    Raises:
        StoreError
    """
    counts = select(_JOBS.c.kind, _JOBS.c.state, func.count()).group_by(_JOBS.c.kind, _JOBS.c.state)
    wait = select((now_ms() - func.min(_JOBS.c.created_at)) / 1000.0).where(_JOBS.c.state == JobState.QUEUED.value)
    lost = (
        select(func.count())
        .select_from(_JOBS)
        .where(_JOBS.c.state == JobState.RUNNING.value, _JOBS.c.lease_until < now_ms())
    )
    done = (
        select(_REPOSITORIES.c.name, _JOBS.c.kind, func.max(_JOBS.c.finished_at) / 1000.0)
        .join(_REPOSITORIES, _REPOSITORIES.c.number == _JOBS.c.repository)
        .where(_JOBS.c.state == JobState.DONE.value)
        .group_by(_REPOSITORIES.c.name, _JOBS.c.kind)
    )
    with database.snapshot() as connection:
        return JobFigures(
            counts=tuple((kind, state, int(count)) for kind, state, count in connection.execute(counts)),
            longest_wait_s=float(connection.execute(wait).scalar() or 0.0),
            lost_leases=int(connection.execute(lost).scalar_one()),
            last_done=tuple((name, kind, float(at)) for name, kind, at in connection.execute(done)),
        )
