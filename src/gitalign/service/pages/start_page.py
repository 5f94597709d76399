"""The first page, jobs, and the forms that start and stop them. A form writes a job, as the API does, and leads to the page of that job."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gitalign.core.accounts import Actor
from gitalign.core.jobs import JobKind, JobState
from gitalign.service.api.jobs import job_seen
from gitalign.service.api.requests import (
    NewForecast,
    NewPlan,
    Nothing,
    RunName,
    Undoing,
    posted,
)
from gitalign.service.pages.listing import page_of
from gitalign.service.pages.looks import repository_look
from gitalign.service.pages.page_route import Key, Lander, Operator, PageRoute, Viewer, led_to
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter

_SHOWN = 50
_OVER = 10

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def now(request: Request, actor: Viewer) -> Response:
    """What is under way, what needs attention, and the repositories."""
    service = service_of(request)
    open_jobs = JobFilter(repositories=actor.only_these, states=(JobState.QUEUED, JobState.RUNNING))
    under_way, more_under_way = page_of(service.jobs, open_jobs, {}, rows=_SHOWN)
    failed = JobFilter(repositories=actor.only_these, states=(JobState.FAILED, JobState.STOPPED))
    over, more_over = page_of(service.jobs, failed, {}, rows=_OVER)
    names = [one.name for one in service.repositories.all() if actor.sees(one.name)]
    looks = [repository_look(service.jobs, name) for name in names]
    looks.sort(key=lambda look: (-look.attention, look.name))
    needs = [
        *((f"{look.attention} branches need attention", f"/repositories/{look.name}?show=attention", look.name)
          for look in looks if look.attention),
        *((f"{job.kind} {job.state}", f"/jobs/{job.id}", job.repository) for job in over),
    ]  # fmt: skip
    return page(
        request,
        "now.html",
        actor=actor,
        under_way=under_way,
        more_under_way=more_under_way,
        over=over,
        more_over=more_over,
        looks=looks,
        needs=needs,
    )


@router.get("/repositories/{repository}/jobs")
def list_jobs_of(request: Request, repository: str, actor: Viewer) -> Response:
    """Jobs of a repository, newest first."""
    service_of(request).repositories.get(repository)
    return _jobs_page(request, actor, JobFilter(repositories=[repository]), repository=repository)


@router.get("/jobs")
def list_jobs(request: Request, actor: Viewer) -> Response:
    """Jobs, newest first."""
    return _jobs_page(request, actor, JobFilter(repositories=actor.only_these), repository=None)


def _jobs_page(request: Request, actor: Actor, which: JobFilter, *, repository: str | None) -> Response:
    kind = request.query_params.get("kind", "")
    states = [JobState(word) for word in request.query_params.getlist("state") if word in tuple(JobState)]
    which = replace(which, states=states, kinds=[JobKind(kind)] if kind in tuple(JobKind) else ())
    jobs, cursor = page_of(service_of(request).jobs, which, request.query_params, rows=_SHOWN)
    chosen = [*(("state", state.value) for state in states), *([("kind", kind)] if which.kinds else [])]
    return page(
        request,
        "jobs.html",
        actor=actor,
        jobs=jobs,
        older=urlencode([*chosen, ("cursor", str(cursor))]) if cursor is not None else "",
        states=states,
        states_there_are=tuple(JobState),
        repository=repository,
        kind=kind,
        kinds=tuple(JobKind),
    )


@router.post("/repositories/{repository}/plan")
def plan(
    request: Request, repository: str, actor: Operator, key: Key, fetch: Annotated[bool, Form()] = False
) -> Response:
    """The button that makes a plan."""
    body = NewPlan(fetch=fetch)
    return led_to(posted(service_of(request), actor, request, (JobKind.PLAN, body, {}), f"page-plan-{key}"))


@router.post("/repositories/{repository}/forecast")
def forecast(
    request: Request, repository: str, actor: Operator, key: Key, pairs: Annotated[bool, Form()] = False
) -> Response:
    """The button that makes a forecast."""
    service, body = service_of(request), NewForecast(pairs=pairs)
    return led_to(posted(service, actor, request, (JobKind.FORECAST, body, {}), f"page-forecast-{key}"))


@router.post("/repositories/{repository}/doctor")
def check(request: Request, repository: str, actor: Operator, key: Key) -> Response:
    """The button that checks what runs depend on."""
    return led_to(posted(service_of(request), actor, request, (JobKind.DOCTOR, Nothing(), {}), f"page-doctor-{key}"))


@router.post("/repositories/{repository}/runs/{run_id}/undo")
def undo(request: Request, repository: str, run_id: RunName, actor: Lander, key: Key) -> Response:
    """The button that undoes a run."""
    new = (JobKind.UNDO, Undoing(), {"run_id": run_id})
    return led_to(posted(service_of(request), actor, request, new, f"page-undo-{key}"))


@router.post("/repositories/{repository}/runs/{run_id}/prove")
def prove(request: Request, repository: str, run_id: RunName, actor: Operator, key: Key) -> Response:
    """The button that proves the certificates of a run."""
    new = (JobKind.VERIFY, Nothing(), {"run_id": run_id})
    return led_to(posted(service_of(request), actor, request, new, f"page-prove-{key}"))


@router.post("/repositories/{repository}/runs/{run_id}/resume")
def resume(request: Request, repository: str, run_id: RunName, actor: Lander, key: Key) -> Response:
    """The button that goes on with a run."""
    new = (JobKind.RESUME, Nothing(), {"run_id": run_id})
    return led_to(posted(service_of(request), actor, request, new, f"page-resume-{key}"))


@router.post("/jobs/{job}/stop")
def stop(request: Request, job: str, actor: Operator) -> Response:
    """The button that stops a job."""
    service = service_of(request)
    found = job_seen(service, actor, job)
    service.jobs.request_stop(found.id, actor=actor.name)
    return RedirectResponse(f"/jobs/{quote(found.id)}", status_code=303)
