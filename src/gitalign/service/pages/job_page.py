"""The page of a job: live while it is under way, with its result after that."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import Job, JobKind, ServiceEvent
from gitalign.service.api.jobs import job_seen
from gitalign.service.pages.listing import page_number
from gitalign.service.pages.live import MOST_EVENTS, Progress, progress_of
from gitalign.service.pages.looks import job_look
from gitalign.service.pages.page_route import PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.state import Service, service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_ROWS = 150
_LINES = 40
_WITH_LANES = (JobKind.RUN, JobKind.RESUME, JobKind.FORECAST, JobKind.UNDO)


@router.get("/jobs/{job}")
def show_job(request: Request, job: str, actor: Viewer) -> Response:
    """A job."""
    service = service_of(request)
    found = job_seen(service, actor, job)
    look = job_look(service.jobs, found)
    events, progress = _followed(service, found)
    document: Mapping[str, Any] = look.document if isinstance(look.document, dict) else {}
    verdict = request.query_params.get("verdict", "")
    rows = [row for row in _branches(document) if verdict in ("", row.get("verdict"), row.get("prospect"))]
    pages = max(1, -(-len(rows) // _ROWS))
    number = min(page_number(request.query_params), pages)
    return page(
        request,
        "job.html",
        actor=actor,
        look=look,
        progress=progress,
        recent=[(event, _about(event)) for event in events[-_LINES:]],
        has_older_events=len(events) > _LINES,
        rows=rows[(number - 1) * _ROWS : number * _ROWS],
        verdict=verdict,
        number=number,
        pages=pages,
        key=secrets.token_urlsafe(16),
    )


def _branches(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What became, or would become, of branches; documents of other kinds may list names of branches, or something else of them."""
    rows = document.get("branches")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


@router.get("/jobs/{job}/progress")
def show_progress(request: Request, job: str, actor: Viewer) -> Response:
    """How far a job is: the part of its page that changes, asked for by the script of the page."""
    service = service_of(request)
    found = job_seen(service, actor, job)
    return page(request, "progress.html", actor=actor, job=found, progress=_followed(service, found)[1])


def _followed(service: Service, job: Job) -> tuple[Sequence[ServiceEvent], Progress]:
    most = MOST_EVENTS if job.kind in _WITH_LANES else _LINES + 1
    events = service.feed.reader.newest_of(job.repository, job.id, limit=most)
    return events, progress_of(events, now=datetime.now(UTC))


def _about(event: ServiceEvent) -> str:
    """What an event is about: a branch and its target, a task, or the state of the job."""
    told = json.loads(event.document)
    if event.kind == "job":
        return str(told["state"])
    task = told.get("data", {}).get("task_id")
    return " → ".join(str(one) for one in (told.get("branch"), told.get("target"), task) if one)
