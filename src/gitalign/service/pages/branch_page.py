"""The page of a branch: what is known of it, what it clashes with, and what became of it in each run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any

from cachetools import LRUCache, cached
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.errors import NotFound
from gitalign.service.api.asking import Telling
from gitalign.service.api.requests import RunName, posted
from gitalign.service.branches import SeenBranches, seen_branches
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_of
from gitalign.service.pages.page_route import Key, Operator, PageRoute, Viewer, led_to
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import WITH_A_REPORT, JobFilter, Jobs

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_RUNS = 8
_RUNS_KEPT = 32
_MOST_CLASHES = 100
_ENDED = (JobState.DONE, JobState.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What became of a branch in a run.

    Attributes:
        job: that carried the run out.
        verdict, detail: of the branch.
        onto: what it was aligned onto; None where that is not known.
        before, after: its commits; None where it did not move.
        commands: to do by hand what stopped it.
    """

    job: Job
    verdict: str
    detail: str
    onto: str | None = None
    before: str | None = None
    after: str | None = None
    commands: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that jobs found out about a branch.

    Attributes:
        forecast: its entry in the newest forecast; None when it has none.
        clashes: other branches with the paths at which both clash, by the newest forecast that looked for pairs.
        clashes_left_out: how many more there are.
        looked_for_pairs: whether that forecast did.
        mates: other branches that stop at the same conflict.
        happened: what runs did, newest first.
        looked_at: how many runs were looked through for that.
        is_older: these are not the newest runs.
        older: the cursor of the runs before; None when there are none.
        explained: what the newest of these runs that moved it did to its commits, when that was asked for; None otherwise.
        explained_at: address of the whole answer.
        certificate: proof of the newest of these runs that moved it, when certificates were proved; None otherwise.
    """

    forecast: Mapping[str, Any] | None
    clashes: Sequence[tuple[str, Sequence[str]]]
    clashes_left_out: int
    looked_for_pairs: bool
    mates: Sequence[str]
    happened: Sequence[Happened]
    looked_at: int
    is_older: bool
    older: int | None
    explained: Mapping[str, Any] | None
    explained_at: str
    certificate: Mapping[str, Any] | None


def story_of(jobs: Jobs, seen: SeenBranches, branch: str, query: Mapping[str, str]) -> Story:
    """The story of a branch.

    Args:
        jobs: of the service.
        seen: branches of its repository.
        branch: by name.
        query: of the address; `before` is the cursor of earlier runs.
    """
    repository = seen.plan.repository
    forecast = content_of(jobs, seen.sources[branch].forecast) or {}
    entries = (one for one in forecast.get("branches", ()) if one["branch"] == branch and one["assigned"])
    clashes = [
        (one["other"] if one["one"] == branch else one["one"], one["paths"])
        for one in forecast.get("clashes", ())
        if branch in (one["one"], one["other"])
    ]
    conflicts = content_of(jobs, jobs.newest(repository, [JobKind.CONFLICTS])) or {}
    mates = next((one["branches"] for one in conflicts.get("groups", ()) if branch in one["branches"]), ())
    which = JobFilter(repositories=[repository], kinds=WITH_A_REPORT, states=_ENDED)
    runs, older = page_of(jobs, which, query, rows=_RUNS, name="before")
    happened = [one for job in runs if (one := _entries(jobs, job).get(branch)) is not None]
    story = _story_job(jobs, repository, branch, happened)
    return Story(
        forecast=next(entries, None),
        clashes=clashes[:_MOST_CLASHES],
        clashes_left_out=max(0, len(clashes) - _MOST_CLASHES),
        looked_for_pairs=bool(forecast.get("pairs")),
        mates=[name for name in mates if name != branch],
        happened=happened,
        looked_at=len(runs),
        is_older=query.get("before", "").isdecimal(),
        older=older,
        explained=content_of(jobs, story),
        explained_at="" if story is None else f"/api/v1/jobs/{story.id}/document",
        certificate=_certificate(jobs, repository, branch, happened),
    )


@cached(LRUCache(_RUNS_KEPT), key=lambda jobs, job: job.id, lock=Lock())
def _entries(jobs: Jobs, job: Job) -> Mapping[str, Happened]:
    report = content_of(jobs, job)
    return {} if report is None else {row["branch"]: _happened(job, row) for row in report["branches"]}


def _happened(job: Job, row: Mapping[str, Any]) -> Happened:
    outcome = row["outcome"]
    stopped = outcome if outcome["kind"] == "conflicted" else outcome.get("stopped_by") or {}
    return Happened(
        job=job,
        verdict=row["verdict"],
        detail=row["detail"],
        onto=outcome.get("onto"),
        before=outcome.get("before"),
        after=outcome.get("after"),
        commands=tuple(stopped.get("reproduce", ())),
    )


def _moved_by(happened: Sequence[Happened]) -> str | None:
    """The newest run that moved the branch."""
    return next((one.job.run_id for one in happened if one.after and one.after != one.before and one.job.run_id), None)


def _story_job(jobs: Jobs, repository: str, branch: str, happened: Sequence[Happened]) -> Job | None:
    run_id = _moved_by(happened)
    told = () if run_id is None else jobs.about_run(repository, run_id, [JobKind.STORY])
    return next((job for job in told if job.state is JobState.DONE and job.params.get("branch") == branch), None)


def _certificate(jobs: Jobs, repository: str, branch: str, happened: Sequence[Happened]) -> Mapping[str, Any] | None:
    """The proof of a branch in the newest run that moved it."""
    run_id = _moved_by(happened)
    proved = None if run_id is None else jobs.of_run(repository, run_id, kinds=[JobKind.VERIFY])
    proofs = (content_of(jobs, proved) or {}).get("proofs", ())
    wanted = f"refs/heads/{branch}"
    return next((one for one in proofs if wanted in (one["certificate"]["ref"], one["certificate"]["of"])), None)


@router.get("/repositories/{repository}/branches/{branch:path}")
def show_branch(request: Request, repository: str, branch: str, actor: Viewer) -> Response:
    """A branch."""
    service = service_of(request)
    service.repositories.get(repository)
    seen = seen_branches(service.jobs, repository)
    row = None if seen is None else seen.rows.get(branch)
    if seen is None or row is None:
        raise NotFound(f"no branch {branch!r} in the newest plan of {repository}", code="unknown_branch")
    return page(
        request,
        "branch.html",
        actor=actor,
        repository=repository,
        sources=seen.sources[branch],
        row=row,
        story=story_of(service.jobs, seen, branch, request.query_params),
        key=secrets.token_urlsafe(16),
    )


@router.post("/repositories/{repository}/runs/{run_id}/story")
def tell(
    request: Request,
    repository: str,
    run_id: RunName,
    actor: Operator,
    key: Key,
    branch: Annotated[str, Form(min_length=1, max_length=1_000)],
) -> Response:
    """The button that finds out what a run did to the commits of a branch."""
    service, body = service_of(request), Telling(run_id=run_id, branch=branch)
    return led_to(posted(service, actor, request, (JobKind.STORY, body, {}), f"page-story-{key}"))
