"""Schedules: what the service does by itself, and when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.documents.service import dump_schedules
from gitalign.service.access import Needs
from gitalign.service.administration import WantedSchedule, new_schedule, switch_schedule
from gitalign.service.api.requests import NewSchedule, answer, said
from gitalign.service.repeats import Once
from gitalign.service.state import service_of
from gitalign.store.service.schedules import Schedules

router = APIRouter(prefix="/api/v1/repositories/{repository}/schedules", tags=["schedules"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]


@router.get("", responses=said("schedules"))
def list_schedules(request: Request, repository: str, actor: Viewer) -> Response:
    """Schedules of a repository, oldest first."""
    return answer(dump_schedules(Schedules(service_of(request).database).of(repository)))


@router.post("", status_code=201, responses=said("schedules", status=201))
def add_schedule(request: Request, repository: str, body: NewSchedule, actor: Lander, once: Once) -> Response:
    """Forecast, or plan and run, whenever an expression of cron is due in a time zone; `quiet` hours publish nothing."""
    about = ("kind", "cron", "zone", "quiet")
    params = {
        key: value for key, value in body.model_dump(mode="json", exclude_defaults=True).items() if key not in about
    }
    wanted = WantedSchedule(kind=body.kind, cron=body.cron, zone=body.zone, quiet=body.quiet, params=params)

    def add() -> Response:
        made = new_schedule(service_of(request).database, repository, wanted, actor=actor.name)
        return answer(dump_schedules([made]), status=201)

    return once.answered(actor, add)


@router.post("/{schedule}/disable", responses=said("schedules"))
def disable_schedule(request: Request, repository: str, schedule: str, actor: Lander, once: Once) -> Response:
    """Switch a schedule off; a job that it wrote goes on."""
    return _switched(request, repository, schedule, actor, once, on=False)


@router.post("/{schedule}/enable", responses=said("schedules"))
def enable_schedule(request: Request, repository: str, schedule: str, actor: Lander, once: Once) -> Response:
    """Switch a schedule on again, from its next time on."""
    return _switched(request, repository, schedule, actor, once, on=True)


def _switched(request: Request, repository: str, schedule: str, actor: Actor, once: Once, *, on: bool) -> Response:
    database = service_of(request).database

    def switch() -> Response:
        return answer(dump_schedules([switch_schedule(database, repository, schedule, on=on, actor=actor.name)]))

    return once.answered(actor, switch, is_harmless_again=True)


@router.delete("/{schedule}", status_code=204)
def remove_schedule(request: Request, repository: str, schedule: str, actor: Lander) -> Response:
    """Forget a schedule; a job that it wrote goes on."""
    Schedules(service_of(request).database).remove(repository, schedule, actor=actor.name)
    return Response(status_code=204)
