"""Schedules: kept, looked up, and carried on when they are due: one job for each time, whichever server is quicker."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from gitalign.core.jobs import Job, JobKind, NewJob
from gitalign.core.names import display
from gitalign.core.schedules import NEVER, Schedule, ScheduledKind
from gitalign.errors import NoResources, NotFound, NotPermitted
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_ms, as_time, instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.new_jobs import write_job
from gitalign.store.service.rows import OF_TOKEN, repository_number

_SCHEDULES, _REPOSITORIES, _JOBS = schema.schedules, schema.repositories, schema.jobs
_MOST = 100


class Schedules:
    """The schedules of all repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def now(self) -> datetime:
        """The time by the database's clock."""
        with self._database.reading() as connection:
            return instant(connection.execute(select(now_ms())).scalar_one())

    def add(self, new: Schedule) -> Schedule:
        """Keep a schedule.

        Raises:
            NotFound: there is no such repository.
            NoResources: it has very many already.
            NotPermitted: a token of a run of a CI would leave something behind that outlives it.
        """
        values = {
            "id": new.id,
            "kind": new.kind.value,
            "cron": new.cron,
            "zone": new.zone,
            "quiet": new.quiet,
            "params": json.dumps(dict(new.params)),
            "created_by": new.created_by,
            "created_at": now_ms(),
            "next_at": as_ms(new.next_at),
        }
        with self._database.writing() as connection:
            number = repository_number(connection, new.repository)
            _require_lasting(connection, new.created_by)
            mine = select(_SCHEDULES.c.number).where(_SCHEDULES.c.repository == number)
            if len(connection.execute(mine.limit(_MOST)).all()) >= _MOST:
                raise NoResources(
                    f"{display(new.repository)} has {_MOST} schedules already", hint="remove some", code="too_many"
                )
            connection.execute(insert(_SCHEDULES).values(repository=number, **values))
            detail = {"id": new.id, "kind": new.kind.value, "cron": new.cron, "zone": new.zone, "quiet": new.quiet}
            write_entry(connection, actor=new.created_by, action="schedule.add", subject=new.repository, detail=detail)
            return _one(connection, new.repository, new.id)

    def of(self, repository: str) -> tuple[Schedule, ...]:
        """The schedules of a repository, oldest first.

        Raises:
            NotFound: there is no such repository.
        """
        with self._database.reading() as connection:
            number = repository_number(connection, repository)
            query = _select().where(_SCHEDULES.c.repository == number).order_by(_SCHEDULES.c.number)
            return tuple(map(_schedule, connection.execute(query)))

    def get(self, repository: str, schedule_id: str) -> Schedule:
        """A schedule of a repository.

        Raises:
            NotFound
        """
        known = next((one for one in self.of(repository) if one.id == schedule_id), None)
        if known is None:
            raise _unknown(schedule_id)
        return known

    def remove(self, repository: str, schedule_id: str, *, actor: str) -> None:
        """Forget a schedule; a job that it wrote goes on.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            is_it = (_SCHEDULES.c.id == schedule_id) & (_SCHEDULES.c.repository == number)
            if not connection.execute(delete(_SCHEDULES).where(is_it)).rowcount:
                raise _unknown(schedule_id)
            write_entry(
                connection, actor=actor, action="schedule.remove", subject=repository, detail={"id": schedule_id}
            )

    def disable(self, repository: str, schedule_id: str, *, actor: str) -> Schedule:
        """Switch a schedule off; a job that it wrote goes on.

        Raises:
            NotFound
        """
        values = {"disabled_at": now_ms(), "next_at": as_ms(NEVER)}
        return self._switched(repository, schedule_id, values, actor=actor, action="schedule.disable")

    def enable(self, repository: str, schedule_id: str, *, next_at: datetime, actor: str) -> Schedule:
        """Switch a schedule on again; times that passed meanwhile are left out.

        Args:
            repository: by name.
            schedule_id: which one.
            next_at: when it is due.
            actor: who does it.

        Raises:
            NotFound
        """
        values = {"disabled_at": None, "next_at": as_ms(next_at)}
        return self._switched(repository, schedule_id, values, actor=actor, action="schedule.enable")

    def _switched(
        self, repository: str, schedule_id: str, values: Mapping[str, Any], *, actor: str, action: str
    ) -> Schedule:
        is_off = _SCHEDULES.c.disabled_at.is_not(None)
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            is_it = (_SCHEDULES.c.id == schedule_id) & (_SCHEDULES.c.repository == number)
            changes = ~is_off if action == "schedule.disable" else is_off
            if connection.execute(update(_SCHEDULES).where(is_it, changes).values(**values)).rowcount:
                write_entry(connection, actor=actor, action=action, subject=repository, detail={"id": schedule_id})
            elif connection.execute(select(_SCHEDULES.c.number).where(is_it)).first() is None:
                raise _unknown(schedule_id)
            return _one(connection, repository, schedule_id)

    def due(self) -> Sequence[Schedule]:
        """Schedules whose time has come."""
        query = _select().where(_SCHEDULES.c.next_at <= now_ms()).order_by(_SCHEDULES.c.next_at).limit(_MOST)
        with self._database.reading() as connection:
            return tuple(map(_schedule, connection.execute(query)))

    def carry_on(self, due: Schedule, *, next_at: Callable[[datetime], datetime], most_open: int) -> Job | None:
        """Write the job of a time that has come, and set the next one. Of several servers that do so, one writes it.

        Times that were missed while no server ran count as one. A time is left out when the job of the one before is not over,
        or when too many jobs of the repository wait.

        Args:
            due: as it was read.
            next_at: the time after another one.
            most_open: jobs of a repository that wait or run.

        Returns:
            The job; None when the time was left out, or another server was quicker.
        """
        with self._database.writing() as connection:
            now = instant(connection.execute(select(now_ms())).scalar_one())
            is_it = (_SCHEDULES.c.id == due.id) & (_SCHEDULES.c.next_at == as_ms(due.next_at))
            moved = update(_SCHEDULES).where(is_it, _SCHEDULES.c.next_at <= now_ms())
            row = connection.execute(
                moved.values(last_at=_SCHEDULES.c.next_at, next_at=as_ms(next_at(now)), last_job=None).returning(
                    _SCHEDULES.c.number, _SCHEDULES.c.repository
                )
            ).first()
            if row is None or not self._has_room(connection, due, row.repository, most_open):
                return None
            job = write_job(connection, row.repository, _new_job(due), job_id=secrets.token_hex(16))
            connection.execute(update(_SCHEDULES).where(_SCHEDULES.c.number == row.number).values(last_job=job.id))
            return job

    @staticmethod
    def _has_room(connection: Connection, due: Schedule, repository: int, most_open: int) -> bool:
        waiting = select(_JOBS.c.created_by).where(_JOBS.c.repository == repository, _JOBS.c.state.in_(schema.OPEN))
        names = connection.execute(waiting).scalars().all()
        return len(names) < most_open and author_of(due.id) not in names


def _require_lasting(connection: Connection, author: str) -> None:
    token = OF_TOKEN.fullmatch(author)
    issuer = schema.tokens.c.issuer
    query = select(issuer).where(schema.tokens.c.id == token[1], issuer.is_not(None)) if token is not None else None
    if query is not None and connection.execute(query).first() is not None:
        raise NotPermitted(
            "the token of a run of a CI ends soon, and a schedule does not",
            hint="have a person add the schedule",
            code="author_not_allowed",
        )


def author_of(schedule_id: str) -> str:
    """Who asked for a job that a schedule wrote."""
    return f"schedule {schedule_id}"


def _new_job(due: Schedule) -> NewJob:
    params = {**due.params, "schedule": due.id}
    kind = JobKind.FORECAST
    if due.kind is ScheduledKind.RUN:
        kind, params["then"] = JobKind.PLAN, "run"
        if due.quiet is not None:
            params["quiet"] = {"hours": due.quiet, "zone": due.zone}
    return NewJob(repository=due.repository, kind=kind, params=params, created_by=author_of(due.id))


def _select() -> Any:
    return select(*_SCHEDULES.c, _REPOSITORIES.c.name.label("repository_name")).join(
        _REPOSITORIES, _REPOSITORIES.c.number == _SCHEDULES.c.repository
    )


def _one(connection: Connection, repository: str, schedule_id: str) -> Schedule:
    row = connection.execute(_select().where(_SCHEDULES.c.id == schedule_id)).first()
    if row is None:
        raise _unknown(schedule_id)
    return _schedule(row)


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        id=row.id,
        repository=row.repository_name,
        kind=ScheduledKind(row.kind),
        cron=row.cron,
        zone=row.zone,
        quiet=row.quiet,
        params=json.loads(row.params),
        created_by=row.created_by,
        created_at=instant(row.created_at),
        next_at=instant(row.next_at),
        last_at=as_time(row.last_at),
        last_job=row.last_job,
        disabled_at=as_time(row.disabled_at),
    )


def _unknown(schedule_id: str) -> NotFound:
    return NotFound(
        f"no schedule {display(schedule_id[:60])!r}", hint="git align schedule list", code="unknown_schedule"
    )
