"""Branches and what jobs found out about them: rows, forecast, conflicts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.service.access import Needs
from gitalign.service.api.jobs import Limit
from gitalign.service.api.requests import answer, said
from gitalign.service.api.runs import document_of
from gitalign.service.branches import SeenBranches, seen_branches
from gitalign.service.state import Service, service_of

router = APIRouter(prefix="/api/v1/repositories/{repository}", tags=["branches"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]


def _seen(service: Service, repository: str) -> SeenBranches:
    service.repositories.get(repository)
    seen = seen_branches(service.jobs, repository)
    if seen is None:
        raise NotFound("nothing is known of the branches yet", hint="POST …/plans", code="not_known_yet")
    return seen


@router.get("/branches", responses=said("branches"))
def list_branches(
    request: Request,
    repository: str,
    actor: Viewer,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    limit: Limit = 100,
) -> Response:
    """Branches by name, as the newest plan, forecast and run saw them. The cursor is the last name of a page."""
    seen = _seen(service_of(request), repository)
    rows = [row for name, row in seen.rows.items() if cursor is None or name > cursor][: limit + 1]
    following = rows[limit - 1]["branch"] if len(rows) > limit else None
    return answer(seen.document(rows[:limit], next_page=following))


@router.get("/branches/{branch:path}", responses=said("branches"))
def show_branch(request: Request, repository: str, branch: str, actor: Viewer) -> Response:
    """One branch."""
    seen = _seen(service_of(request), repository)
    row = seen.rows.get(branch)
    if row is None:
        raise NotFound(f"no branch {display(branch)!r} in the newest plan", code="unknown_branch")
    return answer(seen.document([row], next_page=None))


@router.get("/forecast", responses=said("forecast"))
def show_forecast(request: Request, repository: str, actor: Viewer) -> Response:
    """The newest forecast."""
    service = service_of(request)
    service.repositories.get(repository)
    return document_of(service, service.jobs.newest(repository, [JobKind.FORECAST]), what="the forecast")


@router.get("/conflicts", responses=said("conflicts"))
def show_conflicts(request: Request, repository: str, actor: Viewer) -> Response:
    """The newest answer about conflicts."""
    service = service_of(request)
    service.repositories.get(repository)
    return document_of(service, service.jobs.newest(repository, [JobKind.CONFLICTS]), what="conflicts")
