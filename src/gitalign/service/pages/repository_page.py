"""The page of a repository: targets, health over time, branches with filters, what was done last."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.health import HealthRecord
from gitalign.core.jobs import Job, JobKind
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import SORTS, Filters, listing, page_of
from gitalign.service.pages.looks import repository_look
from gitalign.service.pages.page_route import PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.views.health_chart import WEEK, Reading, Trend, health_chart, trend_of

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_JOBS = 8
_CHANGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksLook:
    """What `doctor` said of a repository.

    Attributes:
        job: that looked.
        total: how many checks there were.
        failed: those that found a problem.
        unknown: those of which the answer is not known.
    """

    job: Job
    total: int
    failed: Sequence[Any]
    unknown: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLook:
    """One number of a repository over time.

    Attributes:
        name: what is counted.
        trend: now and a week ago.
        chart: a drawing.
        rows: when it changed, newest first, for people who do not see the drawing.
        rows_left_out: how many changes there were before.
    """

    name: str
    trend: Trend
    chart: str
    rows: Sequence[tuple[datetime, int]]
    rows_left_out: int


def checks_look(jobs: Jobs, repository: str) -> ChecksLook | None:
    """The newest checks of what runs of a repository depend on; None before the first."""
    job = jobs.newest(repository, [JobKind.DOCTOR])
    content = content_of(jobs, job)
    if job is None or content is None:
        return None
    checks = content["checks"]
    failed, unknown = ([one for one in checks if one["ok"] is said] for said in (False, None))
    return ChecksLook(job=job, total=len(checks), failed=failed, unknown=unknown)


def health_looks(records: Sequence[HealthRecord], *, now: datetime) -> list[HealthLook]:
    """Conflicts, commits behind and age, each over two weeks; empty when nothing was recorded."""
    if not records:
        return []
    numbers = (
        ("Branches that conflict", [(one.at, one.health.conflicts) for one in records]),
        ("Commits behind (median)", [(one.at, one.health.behind) for one in records]),
        ("Days since the last commit (median)", [(one.at, one.health.age_days) for one in records]),
    )
    return [_health_look(name, readings, now=now) for name, readings in numbers]


def _health_look(name: str, known: Sequence[tuple[datetime, int | None]], *, now: datetime) -> HealthLook:
    readings = [Reading(at=at, value=value) for at, value in known if value is not None]
    changes = [one for at, one in enumerate(readings) if not at or readings[at - 1].value != one.value]
    return HealthLook(
        name=name,
        trend=trend_of(readings, now=now),
        chart=health_chart(readings, now=now, title=name),
        rows=[(one.at, one.value) for one in reversed(changes[-_CHANGES:])],
        rows_left_out=max(0, len(changes) - _CHANGES),
    )


@router.get("/repositories/{repository}")
def show_repository(request: Request, repository: str, actor: Viewer) -> Response:
    """A repository."""
    service = service_of(request)
    service.repositories.get(repository)
    look = repository_look(service.jobs, repository)
    filters = Filters.of(request.query_params)
    plan: Any = content_of(service.jobs, look.plan) or {}
    notes = {note["name"]: note["words"] for note in plan.get("target_notes", ())}
    jobs, older = page_of(service.jobs, JobFilter(repositories=[repository]), {}, rows=_JOBS)
    days = 2 * WEEK // timedelta(days=1)
    return page(
        request,
        "repository.html",
        actor=actor,
        look=look,
        filters=filters,
        listing=listing(look.rows, filters, needing=look.needing),
        sorts=SORTS,
        targets=[(one["name"], one["oid"], notes.get(one["name"], "")) for one in plan.get("targets", ())],
        health=health_looks(service.health.of_days(repository, days), now=datetime.now(UTC)),
        checks=checks_look(service.jobs, repository),
        jobs=jobs,
        has_older_jobs=older is not None,
        key=secrets.token_urlsafe(16),
    )
