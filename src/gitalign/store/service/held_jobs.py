"""Jobs as workers see them: claimed with a fencing token and a lease, and written about only while both hold."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, literal_column, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from gitalign.core.health import Health
from gitalign.core.jobs import Job, JobKind, JobState, NewJob
from gitalign.errors import RunTakenOver, StoreError
from gitalign.store.service import schema
from gitalign.store.service.clock import instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.events import append
from gitalign.store.service.health import write_health
from gitalign.store.service.jobs import JobDocument
from gitalign.store.service.new_jobs import job_event, write_job
from gitalign.store.service.rows import job_of

_JOBS, _REPOSITORIES = schema.jobs, schema.repositories
_RACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldJob:
    """A job that a worker claimed.

    Attributes:
        job: as it was when it was claimed, with its fencing token.
        number: of its row.
        repository: number of its repository.
        repository_id: its identity.
        path: of the repository.
        url: where its branches are; None when they are in the folder itself.
        config_file: the operator's settings for it.
        follow: a job that is written together with the end of this one, so once however often this one was carried out.
    """

    job: Job
    number: int
    repository: int
    repository_id: str
    path: str
    url: str | None
    config_file: str | None
    follow: NewJob | None = None


class HeldJobs:
    """Claims jobs, and writes about those that are held.

    Args:
        database: of the service.
        lease_s: how long a claim or a renewal holds, in seconds.
        most_running: jobs of one repository that are carried out at once; more wait, so that others have their turn.
    """

    def __init__(self, database: ServiceDatabase, *, lease_s: float, most_running: int = 1_000) -> None:
        self._database = database
        self._most_running = most_running
        self._lease_ms = int(lease_s * 1000)

    def claim(self, worker: str, kinds: Collection[JobKind] | None = None) -> HeldJob | None:
        """Take the oldest job that can be carried out now; None when there is none.

        Args:
            worker: who takes it.
            kinds: only of these; None for all.

        That is one that waits, or one whose lease has ended. Of the jobs of a repository that move branches at most one is
        taken; where two workers are about to do so, the database refuses the second one, which looks again.

        Raises:
            StoreError
        """
        for _ in range(_RACES):
            try:
                with self._database.writing() as connection:
                    return self._claimed(connection, worker, kinds)
            except StoreError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise
        return None

    def _claimed(self, connection: Connection, worker: str, kinds: Collection[JobKind] | None) -> HeldJob | None:
        other, candidate = _JOBS.alias("other"), _JOBS.alias("candidate")
        is_due = or_(
            and_(candidate.c.state == JobState.QUEUED.value, candidate.c.not_before <= now_ms()),
            and_(candidate.c.state == JobState.RUNNING.value, candidate.c.lease_until < now_ms()),
        )
        is_kept_waiting = exists(select(other.c.number)).where(
            other.c.repository == candidate.c.repository,
            literal_column("other.state") == schema.RUNNING,
            literal_column("other.is_exclusive"),
            other.c.number != candidate.c.number,
        )
        beside = _JOBS.alias("beside")
        running = (
            select(func.count())
            .where(beside.c.repository == candidate.c.repository, beside.c.number != candidate.c.number)
            .where(literal_column("beside.state") == schema.RUNNING)
            .scalar_subquery()
        )
        chosen = (
            select(candidate.c.number)
            .where(candidate.c.state.in_(schema.OPEN), is_due)
            .where(~and_(candidate.c.is_exclusive, is_kept_waiting), running < self._most_running)
            .where(true() if kinds is None else candidate.c.kind.in_([kind.value for kind in kinds]))
            .order_by(candidate.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            update(_JOBS)
            .where(_JOBS.c.number == chosen)
            .values(
                state=JobState.RUNNING.value,
                token=_JOBS.c.token + 1,
                attempts=_JOBS.c.attempts + 1,
                worker=worker,
                lease_until=now_ms() + self._lease_ms,
                started_at=now_ms(),
            )
            .returning(*_JOBS.c)
        )
        row = connection.execute(statement).first()
        return None if row is None else self._started(connection, row)

    def _started(self, connection: Connection, row: Row[Any]) -> HeldJob:
        where = connection.execute(select(_REPOSITORIES).where(_REPOSITORIES.c.number == row.repository)).one()
        job = job_of(row, repository=where.name)
        append(connection, repository=row.repository, job=row.number, events=[job_event(job)])
        return HeldJob(
            job=job,
            number=row.number,
            repository=row.repository,
            repository_id=where.id,
            path=where.path,
            url=where.url,
            config_file=where.config_file,
        )

    def renew(self, held: HeldJob, *, events: Sequence[tuple[str, str]] = (), **noted: str | None) -> Job:
        """Extend the lease, and write down what happened.

        Args:
            held: the job.
            events: kind and document of each.
            noted: `run_id` and `plan_id`, where they are known now.

        Returns:
            The job as it is now: whether it is to end cleanly, and what it is asked.

        Raises:
            RunTakenOver: another worker has the job.
        """
        values: Mapping[str, Any] = {name: value for name, value in noted.items() if value is not None}
        with self._database.writing() as connection:
            row = self._write(connection, held, lease_until=now_ms() + self._lease_ms, **values)
            if events:
                append(connection, repository=held.repository, job=held.number, events=events)
            return job_of(row, repository=held.job.repository)

    def note_document(self, held: HeldJob, document: JobDocument) -> None:
        """Keep how the work stands, in place of what was kept of it.

        Raises:
            RunTakenOver: another worker has the job.
        """
        with self._database.writing() as connection:
            self._write(connection, held, lease_until=now_ms() + self._lease_ms)
            _keep(connection, held, document)

    def add_log(self, held: HeldJob, task: str, at: int, body: bytes) -> None:
        """Keep a piece of the output of a task.

        Args:
            held: the job.
            task: of a batch.
            at: offset in bytes.
            body: behind it.

        Raises:
            RunTakenOver: another worker has the job.
        """
        with self._database.writing() as connection:
            self._write(connection, held, lease_until=now_ms() + self._lease_ms)
            connection.execute(insert(schema.task_logs).values(job=held.number, task=task, at=at, body=body))

    def last_batch_event(self, held: HeldJob, batch_id: str) -> int:
        """The number of the newest event of a batch run that is written for the job; 0 for none."""
        table = schema.events
        query = select(table.c.body).where(table.c.job == held.number, table.c.kind != "job")
        with self._database.reading() as connection:
            for body in connection.execute(query.order_by(table.c.seq.desc()).limit(1)).scalars():
                event = json.loads(body)
                return int(event["seq"]) if event["run_id"] == batch_id else 0
        return 0

    def log_ends(self, held: HeldJob) -> Mapping[str, int]:
        """Offset behind the output that is kept, for every task."""
        table = schema.task_logs
        end = func.max(table.c.at + func.length(table.c.body))
        with self._database.reading() as connection:
            query = select(table.c.task, end.label("end")).where(table.c.job == held.number).group_by(table.c.task)
            return {row.task: int(row.end) for row in connection.execute(query)}

    def finish(
        self,
        held: HeldJob,
        state: JobState,
        *,
        outcome: str,
        document: JobDocument | None = None,
        error: Mapping[str, Any] | None = None,
        health: Health | None = None,
    ) -> Job:
        """End the job.

        Raises:
            RunTakenOver: another worker has it.
        """
        with self._database.writing() as connection:
            said = None if error is None else json.dumps(dict(error))
            row = self._write(
                connection, held, state=state.value, outcome=outcome, error=said, finished_at=now_ms(), lease_until=0
            )
            if document is not None:
                _keep(connection, held, document)
            if health is not None:
                write_health(connection, health, repository=held.repository)
            job = job_of(row, repository=held.job.repository)
            append(connection, repository=held.repository, job=held.number, events=[job_event(job)])
            if held.follow is not None:
                write_job(connection, held.repository, held.follow, job_id=secrets.token_hex(16))
            return job

    def now(self) -> datetime:
        """The time by the database's clock."""
        with self._database.reading() as connection:
            return instant(connection.execute(select(now_ms())).scalar_one())

    def release(self, held: HeldJob, *, delay_s: float) -> None:
        """Give the job back: it is carried out again later, and this attempt does not count.

        Raises:
            RunTakenOver: another worker has it.
        """
        with self._database.writing() as connection:
            self._write(
                connection,
                held,
                state=JobState.QUEUED.value,
                attempts=max(1, held.job.attempts - 1),  # never 0: what an earlier attempt began is looked for
                not_before=now_ms() + int(delay_s * 1000),
                lease_until=0,
            )
            job = replace(held.job, state=JobState.QUEUED)
            append(connection, repository=held.repository, job=held.number, events=[job_event(job)])

    def _write(self, connection: Connection, held: HeldJob, **values: Any) -> Row[Any]:
        """Change the row of a job that is held; it stays locked until the transaction ends."""
        statement = (
            update(_JOBS)
            .where(_JOBS.c.number == held.number, _JOBS.c.token == held.job.token)
            .where(_JOBS.c.state == JobState.RUNNING.value)
            .values(**values)
            .returning(*_JOBS.c)
        )
        row = connection.execute(statement).first()
        if row is None:
            raise RunTakenOver(
                f"job {held.job.id} was taken over by another worker; this one changes nothing more",
                hint=f"GET /api/v1/jobs/{held.job.id}",
            )
        return row


def _keep(connection: Connection, held: HeldJob, document: JobDocument) -> None:
    table = schema.documents
    connection.execute(delete(table).where(table.c.job == held.number))
    connection.execute(insert(table).values(job=held.number, media_type=document.media_type, body=document.body))
