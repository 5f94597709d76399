"""Recorded resolutions: what is on record, where it came from, and the buttons that list, learn and forget."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import JobKind
from gitalign.service.api.asking import Learning, Naming, ResolutionName
from gitalign.service.api.requests import Nothing, posted
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_number
from gitalign.service.pages.page_route import Key, Lander, Operator, PageRoute, Viewer, led_to
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_ROWS = 100


@router.get("/repositories/{repository}/resolutions")
def show_resolutions(request: Request, repository: str, actor: Viewer) -> Response:
    """Recorded resolutions, as they were when they were last listed."""
    service = service_of(request)
    service.repositories.get(repository)
    job = service.jobs.newest(repository, [JobKind.RESOLUTIONS])
    document = content_of(service.jobs, job)
    query = request.query_params.get("q", "")[:1_000]
    known = [
        one for one in (document or {}).get("resolutions", ()) if query.casefold() in str(one["origin"]).casefold()
    ]
    pages = max(1, -(-len(known) // _ROWS))
    number = min(page_number(request.query_params), pages)
    return page(
        request,
        "resolutions.html",
        actor=actor,
        repository=repository,
        job=job if document is not None else None,
        faults=(document or {}).get("faults", ()),
        known=known[(number - 1) * _ROWS : number * _ROWS],
        total=len(known),
        q=query,
        number=number,
        pages=pages,
        key=secrets.token_urlsafe(16),
    )


@router.post("/repositories/{repository}/resolutions")
def list_resolutions(request: Request, repository: str, actor: Operator, key: Key) -> Response:
    """The button that lists the resolutions."""
    service = service_of(request)
    return led_to(posted(service, actor, request, (JobKind.RESOLUTIONS, Nothing(), {}), f"page-resolutions-{key}"))


@router.post("/repositories/{repository}/resolutions/learn")
def learn(request: Request, repository: str, actor: Operator, key: Key) -> Response:
    """The button that learns from merges how people resolved."""
    service = service_of(request)
    return led_to(posted(service, actor, request, (JobKind.RESOLUTIONS_LEARN, Learning(), {}), f"page-learn-{key}"))


@router.post("/repositories/{repository}/resolutions/forget")
def forget(
    request: Request, repository: str, actor: Lander, key: Key, name: Annotated[ResolutionName, Form()]
) -> Response:
    """The button that forgets a resolution."""
    service, body = service_of(request), Naming(name=name)
    return led_to(posted(service, actor, request, (JobKind.RESOLUTIONS_FORGET, body, {}), f"page-forget-{key}"[:200]))
