"""The wall: repositories in large type for a screen in a room, which refreshes itself; and badges for pages of others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Job, JobState
from gitalign.errors import NotFound
from gitalign.service.access import Needs
from gitalign.service.pages.live import MOST_EVENTS, Progress, progress_of
from gitalign.service.pages.looks import RepositoryLook, repository_look
from gitalign.service.pages.page_route import PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.pages.repository_page import HealthLook, health_looks
from gitalign.service.state import Service, service_of
from gitalign.store.service.jobs import JobFilter
from gitalign.views.badge import badge

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_MOST = 12
_JOBS = 2
_DAYS = 14
_BADGE_S = 60


class NeedsUnlessPublic(Needs):
    """Anybody where the settings show the badge of the repository to all; else who the route needs."""

    def __call__(self, request: Request) -> Actor:
        """See `Needs`."""
        settings = service_of(request).settings.pages
        if settings.has_public_badge(request.path_params["repository"]):
            return Actor(name="everybody", id="", role=Role.VIEWER)
        return super().__call__(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class WallLook:
    """A repository on the wall.

    Attributes:
        look: its branches.
        conflicts: over two weeks; None when nothing was recorded.
        under_way: jobs that run, each with how far it is.
        more_under_way: how many more run.
    """

    look: RepositoryLook
    conflicts: HealthLook | None
    under_way: Sequence[tuple[Job, Progress]]
    more_under_way: int


@router.get("/wall")
def show_wall(request: Request, actor: Viewer) -> Response:
    """The wall: repositories with most that needs attention first."""
    service = service_of(request)
    names = [one.name for one in service.repositories.all() if actor.sees(one.name)]
    looks = sorted((repository_look(service.jobs, name) for name in names), key=lambda one: (-one.attention, one.name))
    # No more of them run than there are workers.
    running = service.jobs.since(JobFilter(repositories=actor.only_these, states=(JobState.RUNNING,)), None)
    now = datetime.now(UTC)
    return page(
        request,
        "wall.html",
        actor=actor,
        shown=[_on_the_wall(service, look, [job for job, _ in running], now=now) for look in looks[:_MOST]],
        left_out=max(0, len(looks) - _MOST),
        now=now,
    )


def _on_the_wall(service: Service, look: RepositoryLook, running: Sequence[Job], *, now: datetime) -> WallLook:
    reader = service.feed.reader
    mine = [job for job in running if job.repository == look.name]
    return WallLook(
        look=look,
        conflicts=next(iter(health_looks(service.health.of_days(look.name, _DAYS), now=now)), None),
        under_way=[
            (job, progress_of(reader.newest_of(look.name, job.id, limit=MOST_EVENTS), now=now)) for job in mine[:_JOBS]
        ],
        more_under_way=max(0, len(mine) - _JOBS),
    )


@router.get("/badge/{repository}.svg")
def show_badge(
    request: Request, repository: str, actor: Annotated[Actor, Depends(NeedsUnlessPublic(Role.VIEWER))]
) -> Response:
    """The badge of a repository."""
    service = service_of(request)
    try:
        service.repositories.get(repository)
        look = repository_look(service.jobs, repository)
    except NotFound:
        if not actor.id:  # where all badges are public, they do not say which repositories there are
            look = RepositoryLook(name=repository, counts={}, bar=())
        else:
            raise
    words, state = look.summary
    drawing = badge("branches", words, state=state)
    scope = "private" if actor.id else "public"
    tag = f'"{hashlib.sha256(drawing.encode()).hexdigest()[:16]}"'
    headers = {"Cache-Control": f"{scope}, max-age={_BADGE_S}", "ETag": tag}
    if not actor.id:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(drawing, media_type="image/svg+xml", headers=headers)
