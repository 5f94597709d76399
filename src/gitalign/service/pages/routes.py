"""The pages, and the forms on them. A form writes a job, as the API does, and leads to the page of that job."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind, JobState
from gitalign.errors import GitAlignError, UserError
from gitalign.service.access import Needs
from gitalign.service.api.jobs import job_seen
from gitalign.service.api.requests import (
    NewForecast,
    NewPlan,
    Nothing,
    RunName,
    Undoing,
    posted,
)
from gitalign.service.pages.looks import repository_look
from gitalign.service.pages.rendering import page
from gitalign.service.problems import NotSignedIn, error_page, faults_of, status_of
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter

Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
Key = Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_SHOWN = 50


class PageRoute(APIRoute):
    """A route whose errors are pages, too; without a session it leads to the page to sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except NotSignedIn:
                back = request.url.path if request.method == "GET" else "/"
                return RedirectResponse(f"/sign-in?{urlencode({'next': back})}", status_code=303)
            except GitAlignError as error:
                return error_page(request, error, status_of(error))
            except RequestValidationError as error:
                fault = UserError("; ".join(faults_of(error)), hint="go back, correct it, and send the form again")
                return error_page(request, fault, HTTPStatus.UNPROCESSABLE_ENTITY)
            except HTTPException as error:
                return error_page(request, UserError(str(error.detail)), HTTPStatus(error.status_code))

        return handled


router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


def register(app: FastAPI) -> None:
    """Add the pages, and the files that they use."""
    from gitalign.service.pages import (
        batch_page,
        branch_page,
        clash_page,
        conflict_page,
        job_page,
        plan_page,
        repository_page,
        resolution_page,
        signing_in,
        wall_page,
    )

    pages = (
        batch_page,
        branch_page,
        clash_page,
        conflict_page,
        job_page,
        plan_page,
        repository_page,
        resolution_page,
        signing_in,
        wall_page,
    )
    for module in pages:
        app.include_router(module.router)
    app.include_router(router)
    app.mount("/static/views", StaticFiles(packages=[("gitalign.views", "assets")]), name="views")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")


@router.get("/")
def now(request: Request, actor: Viewer) -> Response:
    """What is under way, what needs attention, and the repositories."""
    service = service_of(request)
    under_way = service.jobs.listed(
        JobFilter(repositories=actor.only_these, states=(JobState.QUEUED, JobState.RUNNING))
    )
    over = service.jobs.listed(
        JobFilter(repositories=actor.only_these, states=(JobState.FAILED, JobState.STOPPED)), limit=10
    )
    names = [one.name for one in service.repositories.all() if actor.sees(one.name)]
    looks = [repository_look(service.jobs, name) for name in names]
    looks.sort(key=lambda look: (-look.attention, look.name))
    needs = [
        *((f"{look.attention} branches need attention", f"/repositories/{look.name}?show=attention", look.name)
          for look in looks if look.attention),
        *((f"{job.kind} {job.state}", f"/jobs/{job.id}", job.repository) for job, _ in over[:5]),
    ]  # fmt: skip
    return page(
        request,
        "now.html",
        actor=actor,
        under_way=[job for job, _ in under_way],
        over=[job for job, _ in over],
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
    cursor, kind = request.query_params.get("cursor", ""), request.query_params.get("kind", "")
    if kind in tuple(JobKind):
        which = replace(which, kinds=[JobKind(kind)])
    before = int(cursor) if cursor.isdecimal() and cursor.isascii() and len(cursor) < 19 else None
    rows = service_of(request).jobs.listed(which, before=before, limit=_SHOWN + 1)
    older = rows[_SHOWN - 1][1] if len(rows) > _SHOWN else None
    return page(
        request,
        "jobs.html",
        actor=actor,
        jobs=[job for job, _ in rows[:_SHOWN]],
        older=older,
        repository=repository,
        kind=kind,
        kinds=tuple(JobKind),
    )


def led_to(response: Response) -> Response:
    """From the answer of the API to the page of the job."""
    place = response.headers["Location"].removeprefix("/api/v1")
    return RedirectResponse(place, status_code=303)


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
