"""Plans and runs: looked at, started, undone, resumed, written up, verified."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Job, JobKind
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.service.access import Needs
from gitalign.service.api.jobs import Cursor, Limit, page_of_jobs
from gitalign.service.api.requests import (
    NewReport,
    NewRun,
    Nothing,
    PlanId,
    RunName,
    Undoing,
    posted,
    said,
)
from gitalign.service.problems import StateChanged
from gitalign.service.repeats import IdempotencyKey
from gitalign.service.state import Service, service_of
from gitalign.store.service.jobs import JobFilter

router = APIRouter(prefix="/api/v1/repositories/{repository}", tags=["runs"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
IfMatch = Annotated[str | None, Header(max_length=200)]
_RUNS = (JobKind.RUN, JobKind.UNDO, JobKind.RESUME)


def document_of(service: Service, job: Job | None, *, what: str) -> Response:
    """The document of a job as an answer.

    Raises:
        NotFound: there is none.
    """
    document = None if job is None else service.jobs.document(job.id)
    if job is None or document is None:
        raise NotFound(f"nothing is known of {what} yet", hint="POST asks for it", code="not_known_yet")
    headers = {"X-Job": job.id}
    return Response(document.body.encode("utf-8", "backslashreplace"), media_type=document.media_type, headers=headers)


def etag(plan_id: str) -> str:
    """The entity tag of a plan."""
    return f'"{plan_id}"'


def not_changed(plan_id: str) -> Response:
    """The answer to who has the plan already."""
    return Response(status_code=304, headers={"ETag": etag(plan_id)})


@router.get("/plans", responses=said("jobs"))
def list_plans(request: Request, repository: str, actor: Viewer, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Jobs that made plans, newest first."""
    service = service_of(request)
    service.repositories.get(repository)
    which = JobFilter(repositories=[repository], kinds=[JobKind.PLAN])
    return page_of_jobs(service, which, cursor=cursor, limit=limit)


@router.get("/plans/{plan_id}", responses=said("plan"))
def show_plan(
    request: Request, repository: str, plan_id: PlanId, actor: Viewer, if_none_match: IfMatch = None
) -> Response:
    """A plan. Its ETag is its id: the hash of all that decides what a run does."""
    if if_none_match is not None and etag(plan_id) in if_none_match:
        known = service_of(request).jobs.of_plan(repository, plan_id)
        if known is not None:
            return not_changed(plan_id)
    service = service_of(request)
    response = document_of(service, service.jobs.of_plan(repository, plan_id), what=f"plan {plan_id}")
    response.headers["ETag"] = etag(plan_id)
    return response


@router.post("/runs", status_code=202, responses=said("job", status=202))
def start_run(
    request: Request,
    repository: str,
    body: NewRun,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Run a plan: align its branches and publish the results. Branches that moved since are refused.

    With `If-Match` the plan has to be the newest one of the repository.
    """
    service = service_of(request)
    if service.jobs.of_plan(repository, body.plan_id) is None:
        raise NotFound(f"no plan {body.plan_id}", hint="POST …/plans makes one", code="unknown_plan")
    if if_match is not None and not service.jobs.has_key(actor.name, idempotency_key):
        newest = service.jobs.newest(repository, [JobKind.PLAN])
        if if_match != etag(body.plan_id) or newest is None or newest.plan_id != body.plan_id:
            raise StateChanged("there is a newer plan", hint="look at it, then run that one")
    return posted(service, actor, request, (JobKind.RUN, body, {}), idempotency_key)


@router.get("/runs", responses=said("jobs"))
def list_runs(request: Request, repository: str, actor: Viewer, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Jobs that ran, undid or resumed, newest first."""
    service = service_of(request)
    service.repositories.get(repository)
    which = JobFilter(repositories=[repository], kinds=_RUNS)
    return page_of_jobs(service, which, cursor=cursor, limit=limit)


@router.get("/runs/{run_id}", responses=said("report"))
def show_run(request: Request, repository: str, run_id: RunName, actor: Viewer) -> Response:
    """The report of a run."""
    service = service_of(request)
    return document_of(service, service.jobs.of_run(repository, run_id), what=f"run {display(run_id)}")


@router.post("/runs/{run_id}/undo", status_code=202, responses=said("job", status=202))
def undo_run(
    request: Request,
    repository: str,
    run_id: RunName,
    body: Undoing,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Put back what a run moved. A branch that has moved since stays where it is."""
    return posted(service_of(request), actor, request, (JobKind.UNDO, body, {"run_id": run_id}), idempotency_key)


@router.post("/runs/{run_id}/resume", status_code=202, responses=said("job", status=202))
def resume_run(
    request: Request,
    repository: str,
    run_id: RunName,
    body: Nothing,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Go on with a run that was stopped before it published."""
    return posted(service_of(request), actor, request, (JobKind.RESUME, body, {"run_id": run_id}), idempotency_key)


@router.post("/runs/{run_id}/reports", status_code=202, responses=said("job", status=202))
def write_report(
    request: Request,
    repository: str,
    run_id: RunName,
    body: NewReport,
    actor: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write a run up in one of the forms of a report; also of runs that the command line made."""
    return posted(service_of(request), actor, request, (JobKind.REPORT, body, {"run_id": run_id}), idempotency_key)


@router.post("/runs/{run_id}/proofs", status_code=202, responses=said("job", status=202))
def prove_run(
    request: Request,
    repository: str,
    run_id: RunName,
    body: Nothing,
    actor: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Prove the certificates of a run again, from the repository alone."""
    return posted(service_of(request), actor, request, (JobKind.VERIFY, body, {"run_id": run_id}), idempotency_key)


@router.get("/runs/{run_id}/certificates", responses=said("proofs"))
def show_certificates(request: Request, repository: str, run_id: RunName, actor: Viewer) -> Response:
    """The certificates of a run with what proving them last came to."""
    service = service_of(request)
    job = service.jobs.of_run(repository, run_id, kinds=[JobKind.VERIFY])
    return document_of(service, job, what=f"the certificates of run {display(run_id)}")
