"""Jobs: how far they are, what they came to, stopping them; and the audit trail, which says who asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.documents import jobs as job_documents
from gitalign.documents import service as documents
from gitalign.errors import NotFound, UserError
from gitalign.service.access import Needs
from gitalign.service.api.requests import Body, answer, said
from gitalign.service.repeats import Once
from gitalign.service.state import Service, service_of
from gitalign.store.service.audit import AuditFilter
from gitalign.store.service.jobs import JobFilter, unknown_job

router = APIRouter(prefix="/api/v1", tags=["jobs"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Admin = Annotated[Actor, Depends(Needs(Role.ADMIN, everywhere=True))]
Limit = Annotated[int, Query(ge=1, le=200)]
AuditWord = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")]


class AuditQuery(Body):
    """Which entries of the audit trail."""

    actor: AuditWord = ""
    action: AuditWord = ""
    subject: AuditWord = ""
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 100


def job_seen(service: Service, actor: Actor, job_id: str) -> Job:
    """A job of a repository that the actor sees.

    Raises:
        NotFound
    """
    job = service.jobs.get(job_id)
    if not actor.sees(job.repository):
        raise unknown_job(job_id)
    return job


def page_of_jobs(service: Service, which: JobFilter, *, cursor: str | None, limit: int) -> Response:
    """One page of jobs, newest first, with the cursor for the next one."""
    rows = service.jobs.listed(which, before=None if cursor is None else int(cursor), limit=limit + 1)
    following = str(rows[limit - 1][1]) if len(rows) > limit else None
    return answer(job_documents.dump_jobs((job for job, _ in rows[:limit]), next_page=following))


@router.get("/jobs", responses=said("jobs"))
def list_jobs(
    request: Request,
    actor: Viewer,
    state: Annotated[list[JobState] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Jobs of all repositories that the token may see, newest first."""
    which = JobFilter(repositories=actor.only_these, states=state or ())
    return page_of_jobs(service_of(request), which, cursor=cursor, limit=limit)


@router.get("/repositories/{repository}/jobs", responses=said("jobs"))
def list_jobs_of(
    request: Request,
    repository: str,
    actor: Viewer,
    kind: Annotated[list[JobKind] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Jobs of a repository, newest first."""
    service = service_of(request)
    service.repositories.get(repository)
    which = JobFilter(repositories=[repository], kinds=kind or ())
    return page_of_jobs(service, which, cursor=cursor, limit=limit)


@router.get("/jobs/{job}", responses=said("job"))
def show_job(request: Request, job: str, actor: Viewer) -> Response:
    """One job."""
    return answer(job_documents.dump(job_seen(service_of(request), actor, job)))


@router.get("/jobs/{job}/document")
def show_document(request: Request, job: str, actor: Viewer) -> Response:
    """What the job came to: a document, or a report in the form that was asked for."""
    service = service_of(request)
    found = job_seen(service, actor, job)
    document = service.jobs.document(found.id)
    if document is None:
        raise NotFound(f"job {found.id} has no document: it is {found.state}", code="no_document")
    headers = {"Content-Disposition": "attachment"} if document.media_type.startswith("text/html") else {}
    body = document.body.encode("utf-8", "backslashreplace")
    return Response(body, media_type=document.media_type, headers=headers)


@router.post("/jobs/{job}/stop", status_code=202, responses=said("job", status=202))
def stop_job(request: Request, job: str, actor: Operator, once: Once) -> Response:
    """End a job cleanly. A run that was stopped before it published goes on with `resume`."""
    service = service_of(request)
    found = job_seen(service, actor, job)

    def stop() -> Response:
        if found.state.is_over:
            raise UserError(f"job {found.id} is over: {found.state}", code="job_is_over")
        return answer(job_documents.dump(service.jobs.request_stop(found.id, actor=actor.name)), status=202)

    return once.answered(actor, stop, is_harmless_again=True)


@router.get("/audit", responses=said("audit-trail"))
def show_audit(request: Request, actor: Admin, which: Annotated[AuditQuery, Query()]) -> Response:
    """Entries of the audit trail, newest first; those whose actor, action and subject contain the words that are given."""
    chosen = AuditFilter(actor=which.actor, action=which.action, subject=which.subject)
    before = None if which.cursor is None else int(which.cursor)
    entries = service_of(request).audit.newest(which.limit + 1, which=chosen, before=before)
    following = str(entries[which.limit - 1].number) if len(entries) > which.limit else None
    return answer(documents.dump_audit_trail(entries[: which.limit], next_page=following))


@router.get("/audit/check", responses=said("audit-check"))
def check_audit(
    request: Request, actor: Admin, head: Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$")] = None
) -> Response:
    """Whether the audit trail is whole, and contains the head that was noted earlier."""
    return answer(documents.dump_audit_check(service_of(request).audit.verify(head=head)))
