"""Batches: plans that are submitted, their runs, what tasks write, and how a run is paused, stopped and gone on with."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Asked, Job, JobKind, JobState
from gitalign.core.names import display
from gitalign.documents.formats import stamped
from gitalign.errors import Contradiction, NotFound
from gitalign.service.access import Needs
from gitalign.service.api.batch_requests import Landing, NewBatchPlan, NewBatchRun, Resuming, Retrying, TaskName
from gitalign.service.api.jobs import Cursor, Limit, page_of_jobs
from gitalign.service.api.requests import (
    Body,
    Nothing,
    PlanId,
    RunName,
    Undoing,
    accepted,
    answer,
    posted,
    require_own_branches,
    said,
)
from gitalign.service.api.runs import IfMatch, document_of, etag, not_changed
from gitalign.service.repeats import IdempotencyKey, Once
from gitalign.service.shown_places import output_of_task
from gitalign.service.state import Service, service_of
from gitalign.store.service.batch_events import BatchEvents
from gitalign.store.service.jobs import JobFilter
from gitalign.validate.commands import readable

router = APIRouter(prefix="/api/v1/repositories/{repository}", tags=["batches"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
Offset = Annotated[int, Query(ge=0, le=10**12)]
RUNS = (JobKind.BATCH_RUN, JobKind.BATCH_RESUME, JobKind.BATCH_RETRY, JobKind.BATCH_LAND)
"""Kinds that carry a batch run out, and whose document says how it stands."""
_OVER = (JobState.DONE, JobState.FAILED, JobState.STOPPED)
_MOST_LOG_BYTES = 256 * 1024


@router.post("/batch-plans", status_code=202, responses=said("job", status=202))
def submit_plan(
    request: Request, repository: str, body: NewBatchPlan, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a plan of a task list. Nothing of it runs; the plan says which commands a run would execute."""
    service = service_of(request)
    require_own_branches(service, request, JobKind.BATCH_PLAN)
    service.settings.batches.policy().require_allowed()
    texts = {"text": body.text} | ({"tasks": body.tasks} if body.tasks is not None else {})
    text = json.dumps(texts)
    known = {"sha256": hashlib.sha256(text.encode("ascii")).hexdigest(), "name": body.name}
    rest = body.model_copy(update={"text": "", "tasks": None})
    return posted(service, actor, request, (JobKind.BATCH_PLAN, rest, known), idempotency_key, text=text)


@router.get("/batch-plans", responses=said("jobs"))
def list_batch_plans(
    request: Request, repository: str, actor: Viewer, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Jobs that made plans of batches, newest first."""
    return _jobs_of(request, repository, (JobKind.BATCH_PLAN,), cursor=cursor, limit=limit)


@router.get("/batch-plans/{plan_id}", responses=said("batch-plan"))
def show_batch_plan(
    request: Request, repository: str, plan_id: PlanId, actor: Viewer, if_none_match: IfMatch = None
) -> Response:
    """A plan of a batch, with its commands. Its ETag is the digest of all that it would do."""
    service = service_of(request)
    job = service.jobs.of_plan(repository, plan_id, kind=JobKind.BATCH_PLAN)
    if job is not None and if_none_match is not None and etag(plan_id) in if_none_match:
        return not_changed(plan_id)
    response = document_of(service, job, what=f"plan {plan_id}")
    response.headers["ETag"] = etag(plan_id)
    return response


@router.post("/batches", status_code=202, responses=said("job", status=202))
def start_batch(
    request: Request, repository: str, body: NewBatchRun, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """Run a plan that was submitted: execute its commands in work trees of their own, and land each batch."""
    service = service_of(request)
    require_own_branches(service, request, JobKind.BATCH_RUN)
    service.settings.batches.policy().require_allowed()
    if service.jobs.of_plan(repository, body.plan_id, kind=JobKind.BATCH_PLAN) is None:
        raise NotFound(f"no plan {body.plan_id}", hint="POST …/batch-plans makes one", code="unknown_plan")
    return posted(service, actor, request, (JobKind.BATCH_RUN, body, {}), idempotency_key)


@router.get("/batches", responses=said("jobs"))
def list_batches(
    request: Request, repository: str, actor: Viewer, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Jobs that carried batch runs out, newest first."""
    return _jobs_of(request, repository, RUNS, cursor=cursor, limit=limit)


@router.post("/batch-lists", status_code=202, responses=said("job", status=202))
def look_at_batches(
    request: Request, repository: str, body: Nothing, actor: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Find out all batch runs of the repository, also those of the command line."""
    return posted(service_of(request), actor, request, (JobKind.BATCH_LIST, body, {}), idempotency_key)


@router.get("/batch-list", responses=said("batch-runs"))
def show_batch_list(request: Request, repository: str, actor: Viewer) -> Response:
    """All batch runs of the repository, as they were when they were last looked at."""
    service = service_of(request)
    service.repositories.get(repository)
    return document_of(service, service.jobs.newest(repository, [JobKind.BATCH_LIST]), what="batch runs")


@router.get("/batches/{batch}", responses=said("batch-run"))
def show_batch(request: Request, repository: str, batch: RunName, actor: Viewer) -> Response:
    """How a batch run stands, task by task; also while it is under way."""
    service = service_of(request)
    jobs = _jobs_about(service, repository, batch)
    job = next((one for one in jobs if service.jobs.document(one.id) is not None), None)
    return document_of(service, job, what=f"batch run {display(batch)}")


@router.get("/batches/{batch}/logs/{task}", responses=said("task-log"))
def show_task_log(
    request: Request, repository: str, batch: RunName, task: TaskName, actor: Viewer, offset: Offset = 0
) -> Response:
    """What a task wrote, from an offset in bytes on; `next` is the offset to ask with again."""
    service = service_of(request)
    jobs = _jobs_about(service, repository, batch)
    if not jobs:
        raise _unknown_batch(batch)
    body, following = output_of_task(request, actor, jobs, task, offset=offset, most_bytes=_MOST_LOG_BYTES)
    content = {
        "batch_run": batch,
        "task": task,
        "offset": offset,
        "next": following,
        "text": readable(body),
        "is_over": jobs[0].state in _OVER and len(body) < _MOST_LOG_BYTES,
    }
    return answer(stamped("task-log", content))


@router.get("/batches/{batch}/events", responses=said("batch-events"))
def show_batch_events(
    request: Request, repository: str, batch: RunName, actor: Viewer, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """What happened in a batch run, oldest first; the stream of its job follows it."""
    service = service_of(request)
    if not _jobs_about(service, repository, batch):
        raise _unknown_batch(batch)
    rows = BatchEvents(service.database).after(repository, batch, int(cursor or 0), limit=limit + 1)
    events = [json.loads(body) for _, body in rows[:limit]]
    events = [{name: value for name, value in one.items() if name not in ("format", "version")} for one in events]
    following = str(rows[limit - 1][0]) if len(rows) > limit else None
    return answer(stamped("batch-events", {"batch_run": batch, "events": events, "next": following}))


@router.post("/batches/{batch}/pause", status_code=202, responses=said("job", status=202))
def pause_batch(request: Request, repository: str, batch: RunName, actor: Operator, once: Once) -> Response:
    """Start no further task of a batch run; `resume` goes on."""
    service = service_of(request)

    def pause() -> Response:
        job = _under_way(service, repository, batch)
        return _asked(service.jobs.ask(job.id, Asked.PAUSE, actor=actor.name))

    return once.answered(actor, pause, is_harmless_again=True)


@router.post("/batches/{batch}/stop", status_code=202, responses=said("job", status=202))
def stop_batch(request: Request, repository: str, batch: RunName, actor: Operator, once: Once) -> Response:
    """Start no further task of a batch run, and end it when those that run have ended."""
    service = service_of(request)

    def stop() -> Response:
        return _asked(service.jobs.request_stop(_under_way(service, repository, batch).id, actor=actor.name))

    return once.answered(actor, stop, is_harmless_again=True)


@router.post("/batches/{batch}/cancel", status_code=202, responses=said("job", status=202))
def cancel_batch(request: Request, repository: str, batch: RunName, actor: Operator, once: Once) -> Response:
    """End what runs of a batch run. Everything is pinned, and `resume` goes on."""
    service = service_of(request)

    def cancel() -> Response:
        job = _under_way(service, repository, batch)
        return _asked(service.jobs.request_stop(job.id, actor=actor.name, asked=Asked.CANCEL))

    return once.answered(actor, cancel, is_harmless_again=True)


@router.post("/batches/{batch}/resume", status_code=202, responses=said("job", status=202))
def resume_batch(
    request: Request,
    repository: str,
    batch: RunName,
    body: Resuming,
    actor: Lander,
    once: Once,
) -> Response:
    """Go on with a batch run that was paused, stopped, cancelled or killed."""
    service = service_of(request)

    def resume() -> Response:
        job = _open_job(service, repository, batch)
        if job is not None and not job.stop_requested:
            return _asked(service.jobs.ask(job.id, Asked.NOTHING, actor=actor.name))
        return _about(request, actor, JobKind.BATCH_RESUME, body, None)

    return once.answered(actor, resume)


@router.post("/batches/{batch}/retry", status_code=202, responses=said("job", status=202))
def retry_batch(
    request: Request,
    repository: str,
    batch: RunName,
    body: Retrying,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Run again what failed in a batch run, and what is named. Other results stay."""
    return _about(request, actor, JobKind.BATCH_RETRY, body, idempotency_key)


@router.post("/batches/{batch}/land", status_code=202, responses=said("job", status=202))
def land_batch(
    request: Request,
    repository: str,
    batch: RunName,
    body: Landing,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Land a batch whose landing was left for later, did not succeed, or was undone. No task runs."""
    return _about(request, actor, JobKind.BATCH_LAND, body, idempotency_key)


@router.post("/batches/{batch}/undo", status_code=202, responses=said("job", status=202))
def undo_batch(
    request: Request,
    repository: str,
    batch: RunName,
    body: Undoing,
    actor: Lander,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Put the target back to before a batch run, landing by landing."""
    return _about(request, actor, JobKind.BATCH_UNDO, body, idempotency_key)


@router.post("/batches/{batch}/reports", status_code=202, responses=said("job", status=202))
def report_batch(
    request: Request,
    repository: str,
    batch: RunName,
    body: Nothing,
    actor: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write a batch run up as a page in one file."""
    return _about(request, actor, JobKind.BATCH_REPORT, body, idempotency_key)


def _about(request: Request, actor: Actor, kind: JobKind, body: Body, key: str | None) -> Response:
    service = service_of(request)
    require_own_branches(service, request, kind)
    if kind.runs_tasks:
        service.settings.batches.policy().require_allowed()
    batch = request.path_params["batch"]
    is_new = not service.jobs.has_key(actor.name, key)
    if is_new and kind.runs_tasks and _open_job(service, request.path_params["repository"], batch) is not None:
        raise Contradiction(f"batch run {display(batch)} is under way", hint="stop it first", code="batch_is_running")
    return posted(service, actor, request, (kind, body, {"run_id": batch}), key)


def _jobs_of(
    request: Request, repository: str, kinds: tuple[JobKind, ...], *, cursor: str | None, limit: int
) -> Response:
    service = service_of(request)
    service.repositories.get(repository)
    return page_of_jobs(service, JobFilter(repositories=[repository], kinds=kinds), cursor=cursor, limit=limit)


def _jobs_about(service: Service, repository: str, batch: str) -> tuple[Job, ...]:
    service.repositories.get(repository)
    return service.jobs.about_run(repository, batch, RUNS)


def _open_job(service: Service, repository: str, batch: str) -> Job | None:
    return next((one for one in _jobs_about(service, repository, batch) if not one.state.is_over), None)


def _under_way(service: Service, repository: str, batch: str) -> Job:
    job = _open_job(service, repository, batch)
    if job is None:
        if not _jobs_about(service, repository, batch):
            raise _unknown_batch(batch)
        raise Contradiction(
            f"batch run {display(batch)} is not under way",
            hint="POST …/resume goes on with it",
            code="batch_not_running",
        )
    return job


def _unknown_batch(batch: str) -> NotFound:
    return NotFound(f"no batch run {display(batch)}", hint="GET …/batches", code="unknown_batch")


def _asked(job: Job) -> Response:
    return accepted(job, is_new=True)
