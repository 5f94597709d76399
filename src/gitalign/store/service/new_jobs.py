"""A job is written: also in a transaction that decided that it is to be."""

from __future__ import annotations

import json

from sqlalchemy import Connection, insert, select

from gitalign.core.jobs import Job, JobKind, JobState, NewJob, is_narrowed
from gitalign.documents import jobs as job_documents
from gitalign.documents.formats import json_text
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.events import append
from gitalign.store.service.rows import job_of

_JOBS = schema.jobs
_OF_SOME_BRANCHES = (JobKind.UNDO, JobKind.RESUME, JobKind.RESTORE, JobKind.RESOLVE)


def _is_narrowed(connection: Connection, repository: int, new: NewJob) -> bool:
    """Whether a job is about some branches. A run is about those of its plan."""
    if new.kind in _OF_SOME_BRANCHES:
        return True
    params = new.params
    if new.kind is JobKind.RUN:
        made = select(_JOBS.c.params).where(
            _JOBS.c.plan_id == new.plan_id, _JOBS.c.repository == repository, _JOBS.c.kind == JobKind.PLAN.value
        )
        row = connection.execute(made.order_by(_JOBS.c.number.desc()).limit(1)).first()
        if row is None:
            return True
        params = json.loads(row.params)
    return is_narrowed(params)


def write_job(connection: Connection, repository: int, new: NewJob, *, job_id: str) -> Job:
    """Write a job in a transaction that decided that it is to be.

    Args:
        connection: in a transaction that writes.
        repository: number of its row.
        new: what is asked for.
        job_id: its id; random.
    """
    values = {
        "id": job_id,
        "repository": repository,
        "kind": new.kind.value,
        "state": JobState.QUEUED.value,
        "is_exclusive": new.kind.is_exclusive,
        "params": json.dumps(dict(new.params)),
        "is_narrowed": _is_narrowed(connection, repository, new),
        "plan_id": new.plan_id,
        "run_id": new.run_id,
        "created_by": new.created_by,
        "created_at": now_ms(),
        "idempotency_key": new.idempotency_key,
        "digest": new.digest,
        "request_id": new.request_id,
        "trace": new.trace,
    }
    row = connection.execute(insert(_JOBS).values(**values).returning(*_JOBS.c)).one()
    job = job_of(row, repository=new.repository)
    if new.text is not None:
        connection.execute(insert(schema.inputs).values(job=row.number, body=new.text))
    append(connection, repository=repository, job=row.number, events=[job_event(job)])
    detail = {"job": job.id, "kind": job.kind.value, "plan": job.plan_id, "params": dict(job.params)}
    write_entry(connection, actor=new.created_by, action="job.create", subject=new.repository, detail=detail)
    return job


def job_event(job: Job) -> tuple[str, str]:
    """The event that says how far a job is."""
    return "job", json_text(job_documents.dump(job))
