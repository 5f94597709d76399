"""Jobs as requests see them: written, looked up, listed, asked to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, select, update
from sqlalchemy.exc import IntegrityError

from gitalign.core.jobs import Asked, Job, JobKind, JobState, NewJob
from gitalign.core.names import display
from gitalign.errors import Contradiction, NoResources, NotFound, StoreError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.events import append
from gitalign.store.service.new_jobs import job_event, write_job
from gitalign.store.service.rows import job_of, repository_number, select_jobs

_JOBS = schema.jobs
_WITH_A_DOCUMENT = (JobState.DONE, JobState.STOPPED)
WITH_A_REPORT = (JobKind.RUN, JobKind.UNDO, JobKind.RESUME)
"""Kinds whose document is the report of their run."""
_OPEN = (JobState.QUEUED, JobState.RUNNING)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDocument:
    """What a job came to, as text of a media type."""

    media_type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs.

    Attributes:
        repositories: by name; None for all, empty for none.
        kinds, states: empty for all.
    """

    repositories: Sequence[str] | None = None
    kinds: Sequence[JobKind] = ()
    states: Sequence[JobState] = ()


class Jobs:
    """The jobs of all repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, new: NewJob, *, job_id: str, most_open: int, most_of_user: int | None = None) -> tuple[Job, bool]:
        """Write a job; the one that was written for the same key before, where there is one.

        Args:
            new: what is asked for.
            job_id: its id; random.
            most_open: more open jobs of a repository are refused.
            most_of_user: more open jobs that the same person or token asked for are refused; None for no bound.

        Returns:
            The job, and whether it is new.

        Raises:
            NotFound: there is no such repository.
            Contradiction: the key was used for another request.
            NoResources: too many jobs wait.
        """
        try:
            return self._added(new, job_id, most_open, most_of_user)
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            # The same key came for two repositories at once: now the first one is found.
            return self._added(new, job_id, most_open, most_of_user)

    def _added(self, new: NewJob, job_id: str, most_open: int, most_of_user: int | None) -> tuple[Job, bool]:
        with self._database.writing() as connection:
            repository = self._locked(connection, new.repository)
            known = self._with_key(connection, new)
            if known is not None:
                return known, False
            counted = select(func.count()).where(_JOBS.c.repository == repository, _JOBS.c.state.in_(schema.OPEN))
            if int(connection.execute(counted).scalar_one()) >= most_open:
                raise NoResources(
                    f"{most_open} jobs of {display(new.repository)} wait already",
                    hint="wait for them, or stop some",
                    code="too_many_jobs",
                )
            if most_of_user is not None:
                self._require_few_of_user(connection, new.created_by, most_of_user)
            if new.is_alone:
                self._require_alone(connection, repository)
            return write_job(connection, repository, new, job_id=job_id), True

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            NotFound
        """
        with self._database.reading() as connection:
            row = connection.execute(select_jobs().where(_JOBS.c.id == job_id)).first()
        if row is None:
            raise unknown_job(job_id)
        return job_of(row)

    def has_key(self, actor: str, key: str | None) -> bool:
        """Whether a job was written for this key of an actor."""
        query = select(_JOBS.c.number).where(_JOBS.c.created_by == actor, _JOBS.c.idempotency_key == key)
        with self._database.reading() as connection:
            return key is not None and connection.execute(query).first() is not None

    def document(self, job_id: str) -> JobDocument | None:
        """What a job came to; None when it left nothing."""
        table = schema.documents
        query = (
            select(table.c.media_type, table.c.body)
            .join(_JOBS, _JOBS.c.number == table.c.job)
            .where(_JOBS.c.id == job_id)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else JobDocument(media_type=row.media_type, body=row.body)

    def listed(self, which: JobFilter, *, before: int | None = None, limit: int) -> tuple[tuple[Job, int], ...]:
        """Jobs with their numbers, newest first.

        Args:
            which: a choice.
            before: only those with a lower number.
            limit: at most so many.
        """
        query = _chosen(which).limit(limit)
        if before is not None:
            query = query.where(_JOBS.c.number < before)
        with self._database.reading() as connection:
            return tuple((job_of(row), row.number) for row in connection.execute(query))

    def newest_whole(self, repository: str, kind: JobKind, *, is_whole: Callable[[Job], bool]) -> int | None:
        """The number of the newest job of a kind that was carried out, and was about the whole repository; None without one.

        Args:
            repository: by name.
            kind: one kind: of several, a database would search all jobs of the repository.
            is_whole: decides about what the column says is whole; servers of an earlier release do not write it.
        """
        before: int | None = None
        while True:
            query = _chosen(JobFilter(repositories=[repository], kinds=[kind], states=[JobState.DONE]))
            query = query.where(_JOBS.c.is_narrowed == false()).limit(1)
            if before is not None:
                query = query.where(_JOBS.c.number < before)
            with self._database.reading() as connection:
                row = connection.execute(query).first()
            if row is None or is_whole(job_of(row)):
                return None if row is None else int(row.number)
            before = int(row.number)

    def since(self, which: JobFilter, number: int | None) -> tuple[tuple[Job, int], ...]:
        """Every job with its number, newest first, from this number on; all of them when it is None."""
        query = _chosen(which)
        if number is not None:
            query = query.where(_JOBS.c.number >= number)
        with self._database.reading() as connection:
            return tuple((job_of(row), row.number) for row in connection.execute(query))

    def first(self, which: JobFilter, *, wanted: Callable[[Job], bool]) -> Job | None:
        """The newest job of a choice that is wanted, of all that there are; None when none is."""
        before: int | None = None
        while rows := self.listed(which, before=before, limit=_AT_ONCE):
            for job, number in rows:
                if wanted(job):
                    return job
                before = number
        return None

    def newest(self, repository: str, kinds: Sequence[JobKind]) -> Job | None:
        """The newest job of these kinds that was carried out; None when there is none."""
        which = JobFilter(repositories=[repository], kinds=kinds, states=[JobState.DONE])
        return next((job for job, _ in self.listed(which, limit=1)), None)

    def of_plan(self, repository: str, plan_id: str, *, kind: JobKind = JobKind.PLAN) -> Job | None:
        """The job that made a plan; None when none of the repository did.

        Args:
            repository: by name.
            plan_id: of a plan, or the digest of a plan of a batch.
            kind: `PLAN` or `BATCH_PLAN`.
        """
        return self._one_with(repository, _JOBS.c.plan_id == plan_id, kind)

    def of_run(self, repository: str, run_id: str, *, kinds: Sequence[JobKind] = WITH_A_REPORT) -> Job | None:
        """The newest job of these kinds about a run, which left its document; None when none of the repository did."""
        return self._one_with(repository, _JOBS.c.run_id == run_id, *kinds)

    def input_of(self, job_id: str) -> str | None:
        """The long text that a job was given; None when it was given none."""
        query = select(schema.inputs.c.body).join(_JOBS, _JOBS.c.number == schema.inputs.c.job)
        with self._database.reading() as connection:
            text = connection.execute(query.where(_JOBS.c.id == job_id)).scalar()
        return None if text is None else str(text)

    def about_run(self, repository: str, run_id: str, kinds: Sequence[JobKind]) -> tuple[Job, ...]:
        """Jobs of these kinds about a run, newest first, whatever their state."""
        with self._database.reading() as connection:
            rows = connection.execute(select_jobs().where(_JOBS.c.run_id == run_id)).all()
        mine = [row for row in rows if row.repository_name == repository and row.kind in kinds]
        return tuple(job_of(row) for row in sorted(mine, key=lambda row: row.number, reverse=True))

    def _one_with(self, repository: str, condition: ColumnElement[bool], *kinds: JobKind) -> Job | None:
        # The rest is chosen here, of few: asked for more, a database would take an index that has many.
        with self._database.reading() as connection:
            rows = connection.execute(select_jobs().where(condition)).all()
        mine = [
            row
            for row in rows
            if row.repository_name == repository and row.kind in kinds and row.state in _WITH_A_DOCUMENT
        ]
        return job_of(max(mine, key=lambda row: row.number)) if mine else None

    def request_stop(self, job_id: str, *, actor: str, asked: Asked = Asked.NOTHING) -> Job:
        """Ask a job to end cleanly; one that no worker ever held ends at once, one that is over stays as it is.

        One that was given back waits for a worker, which looks first for what an earlier attempt began; that is at once,
        whatever it waited for.

        Args:
            job_id: which job.
            actor: who asks.
            asked: `CANCEL` to end what runs of a batch.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            row = connection.execute(select_jobs().where(_JOBS.c.id == job_id).with_for_update(of=_JOBS)).first()
            if row is None:
                raise unknown_job(job_id)
            if JobState(row.state).is_over or (row.stop_requested and asked in ("", row.asked)):
                return job_of(row)
            values: dict[str, object] = {"stop_requested": True, "asked": asked.value}
            if row.state == JobState.QUEUED.value and not row.attempts:
                values |= {"state": JobState.STOPPED.value, "finished_at": now_ms(), "outcome": "stopped"}
            elif row.state == JobState.QUEUED.value:
                values["not_before"] = 0
            change = update(_JOBS).where(_JOBS.c.number == row.number).values(**values).returning(*_JOBS.c)
            job = job_of(connection.execute(change).one(), repository=row.repository_name)
            append(connection, repository=row.repository, job=row.number, events=[job_event(job)])
            detail = {"job": job_id, "asked": asked.value or "stop"}
            write_entry(connection, actor=actor, action="job.stop", subject=row.repository_name, detail=detail)
            return job

    def ask(self, job_id: str, asked: Asked, *, actor: str) -> Job:
        """Ask a job that is not over to pause, or take that back; one that is to end stays as it is.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            open_now = _JOBS.c.state.in_([state.value for state in _OPEN])
            mine = and_(_JOBS.c.id == job_id, open_now, ~_JOBS.c.stop_requested, _JOBS.c.asked != asked.value)
            row = connection.execute(update(_JOBS).where(mine).values(asked=asked.value).returning(*_JOBS.c)).first()
            known = connection.execute(select_jobs().where(_JOBS.c.id == job_id)).first()
            if known is None:
                raise unknown_job(job_id)
            job = job_of(known)
            if row is not None:
                append(connection, repository=row.repository, job=row.number, events=[job_event(job)])
                detail = {"job": job_id, "asked": asked.value or "go on"}
                write_entry(connection, actor=actor, action="job.ask", subject=job.repository, detail=detail)
            return job

    def _locked(self, connection: Connection, repository: str) -> int:
        """The number of a repository, whose row is held from here on: keys and counts are compared one at a time."""
        number = repository_number(connection, repository)
        table = schema.repositories
        connection.execute(update(table).where(table.c.number == number).values(last_event=table.c.last_event))
        return number

    def _require_alone(self, connection: Connection, repository: int) -> None:
        kinds = [kind.value for kind in JobKind if kind.runs_tasks]
        query = select(_JOBS.c.id).where(
            _JOBS.c.repository == repository, _JOBS.c.state.in_(schema.OPEN), _JOBS.c.kind.in_(kinds)
        )
        known = connection.execute(query.limit(1)).scalar()
        if known is not None:
            raise Contradiction(
                "Parallel execution already in progress", hint=f"GET /api/v1/jobs/{known}", code="parallel_in_progress"
            )

    @staticmethod
    def _require_few_of_user(connection: Connection, name: str, most: int) -> None:
        mine = select(func.count()).where(_JOBS.c.created_by == name, _JOBS.c.state.in_(schema.OPEN))
        if int(connection.execute(mine).scalar_one()) >= most:
            raise NoResources(
                f"{most} jobs that {display(name)} asked for wait already",
                hint="wait for them, or stop some",
                code="too_many_jobs",
            )

    def _with_key(self, connection: Connection, new: NewJob) -> Job | None:
        if new.idempotency_key is None:
            return None
        query = select_jobs().where(
            _JOBS.c.created_by == new.created_by, _JOBS.c.idempotency_key == new.idempotency_key
        )
        row = connection.execute(query).first()
        if row is None:
            return None
        if row.digest != new.digest:
            raise Contradiction(
                "this Idempotency-Key was used for another request",
                hint="use a new key for every request",
                code="idempotency_key_reused",
            )
        return job_of(row)


def _chosen(which: JobFilter) -> Select[Any]:
    query = select_jobs().order_by(_JOBS.c.number.desc())
    if which.repositories is not None:
        query = query.where(schema.repositories.c.name.in_(which.repositories))
    if which.kinds:
        query = query.where(_JOBS.c.kind.in_([kind.value for kind in which.kinds]))
    if which.states:
        query = query.where(_JOBS.c.state.in_([state.value for state in which.states]))
        if set(which.states) <= set(_OPEN):
            query = query.where(_JOBS.c.state.in_(schema.OPEN))
    return query


def unknown_job(job_id: str) -> NotFound:
    """The error for an id that no job has."""
    return NotFound(f"no job {display(job_id[:60])!r}", hint="GET /api/v1/jobs", code="unknown_job")
