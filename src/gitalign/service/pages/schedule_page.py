"""Schedules of a repository: what the service does by itself, and when; made, switched off and removed by who may run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from gitalign.core.accounts import Actor
from gitalign.core.schedules import ScheduledKind
from gitalign.errors import GitAlignError
from gitalign.service.administration import WantedSchedule, new_schedule, switch_schedule
from gitalign.service.pages.page_route import Lander, PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.problems import status_of
from gitalign.service.state import service_of
from gitalign.store.service.schedules import Schedules

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


class ScheduleForm(BaseModel):
    """The form that adds a schedule, as a browser sends it: what is empty was not filled in."""

    kind: ScheduledKind
    cron: str = Field(max_length=100)
    zone: str = Field(default="UTC", max_length=64)
    quiet: str = Field(default="", max_length=11)
    only: str = Field(default="", max_length=10_000)
    push: bool = False

    def wanted(self) -> WantedSchedule:
        """What is asked for."""
        params = {name: value for name, value in (("only", self.only.split()), ("push", self.push)) if value}
        return WantedSchedule(
            kind=self.kind, cron=self.cron, zone=self.zone, quiet=self.quiet.strip() or None, params=params
        )


@router.get("/repositories/{repository}/schedules")
def list_schedules(request: Request, repository: str, actor: Viewer) -> Response:
    """Schedules, and a form to add one."""
    return _shown(request, repository, actor, error=None)


@router.post("/repositories/{repository}/schedules")
def add_schedule(request: Request, repository: str, actor: Lander, form: Annotated[ScheduleForm, Form()]) -> Response:
    """The form that adds a schedule."""
    try:
        new_schedule(service_of(request).database, repository, form.wanted(), actor=actor.name)
    except GitAlignError as error:
        return _shown(request, repository, actor, error=error)
    return RedirectResponse(f"/repositories/{repository}/schedules", status_code=303)


@router.post("/repositories/{repository}/schedules/{schedule}/disable")
def disable(request: Request, repository: str, schedule: str, actor: Lander) -> Response:
    """The button that switches a schedule off."""
    switch_schedule(service_of(request).database, repository, schedule, on=False, actor=actor.name)
    return RedirectResponse(f"/repositories/{repository}/schedules", status_code=303)


@router.post("/repositories/{repository}/schedules/{schedule}/enable")
def enable(request: Request, repository: str, schedule: str, actor: Lander) -> Response:
    """The button that switches a schedule on again."""
    switch_schedule(service_of(request).database, repository, schedule, on=True, actor=actor.name)
    return RedirectResponse(f"/repositories/{repository}/schedules", status_code=303)


@router.post("/repositories/{repository}/schedules/{schedule}/remove")
def remove(request: Request, repository: str, schedule: str, actor: Lander) -> Response:
    """The button that removes a schedule."""
    Schedules(service_of(request).database).remove(repository, schedule, actor=actor.name)
    return RedirectResponse(f"/repositories/{repository}/schedules", status_code=303)


def _shown(request: Request, repository: str, actor: Actor, *, error: GitAlignError | None) -> Response:
    return page(
        request,
        "schedules.html",
        actor=actor,
        status=200 if error is None else status_of(error).value,
        repository=repository,
        schedules=Schedules(service_of(request).database).of(repository),
        kinds=tuple(ScheduledKind),
        error=error,
    )
