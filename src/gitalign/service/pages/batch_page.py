"""Batches: runs of a repository, one of them with its graph and chart, and what a task writes."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gitalign.core.accounts import Role
from gitalign.core.events import EventKind
from gitalign.core.jobs import Asked, Job, JobKind, JobState
from gitalign.core.names import display
from gitalign.documents.reading import as_time
from gitalign.errors import NotFound, UserError
from gitalign.service.api.batch_requests import TaskName
from gitalign.service.api.batches import RUNS
from gitalign.service.api.requests import Nothing, RunName, posted
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_of
from gitalign.service.pages.page_route import Key, Operator, PageRoute, Viewer, led_to
from gitalign.service.pages.rendering import page
from gitalign.service.shown_places import output_of_task
from gitalign.service.state import Service, service_of
from gitalign.store.service.batch_events import BatchEvents
from gitalign.store.service.jobs import JobFilter
from gitalign.validate.commands import readable
from gitalign.views.batch_drawings import MOST_TASKS, batch_gantt, batch_graph

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_RUNS = 50
_MOST_SNAPSHOTS = 2_000
_SHOWN_EVENTS = 150
_MOST_TASKS = 150
_LOG_BYTES = 128 * 1024
_ASKS: Mapping[str, Asked] = {"pause": Asked.PAUSE, "go-on": Asked.NOTHING, "cancel": Asked.CANCEL}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLook:
    """A batch run.

    Attributes:
        run: the document `batch-run`; None before the first one.
        job: the newest that carried it out.
        open_job: the one that carries it out now.
        graph, gantt: drawings; empty where there is nothing to draw.
        counts: tasks by status.
        titles: of tasks.
        not_drawn: how many tasks the drawings leave out.
        snapshots: how often what a task had not committed was kept, and when last.
        has_all_snapshots: false when there are more than were counted.
        events: newest last: when, kind, task, what it says.
        has_older_events: whether there are events before these.
    """

    run: Any
    job: Job
    open_job: Job | None
    graph: str
    gantt: str
    counts: Mapping[str, int]
    titles: Mapping[str, str]
    not_drawn: int
    snapshots: Mapping[str, tuple[int, datetime]]
    has_all_snapshots: bool
    events: Sequence[tuple[datetime, str, str, str]]
    has_older_events: bool

    def tasks(self, status: str) -> list[tuple[Any, list[tuple[str, Any]], int]]:
        """Each batch with tasks of a status, and how many more it has; at most so many in all that the page stays small.

        Args:
            status: empty for all.
        """
        left, shown = _MOST_TASKS, []
        for planned, progress in zip(self.run["plan"]["batches"], self.run["batches"], strict=True):
            names = map(str, planned["task_ids"])
            mine = [
                (name, task)
                for name in names
                if (task := self.run["tasks"][name])["status"] in (status or task["status"],)
            ]
            shown.append((progress, mine[:left], max(0, len(mine) - left)))
            left = max(0, left - len(mine))
        return shown


def _look(service: Service, repository: str, batch: str) -> BatchLook:
    service.repositories.get(repository)
    jobs = service.jobs.about_run(repository, batch, RUNS)
    if not jobs:
        raise NotFound(f"no batch run {display(batch)}", hint="git align batch list", code="unknown_batch")
    documents = (content_of(service.jobs, job) for job in jobs)
    run: Any = next((one for one in documents if one is not None), None)
    events = BatchEvents(service.database)
    heard = [*map(json.loads, events.newest(repository, batch, limit=_SHOWN_EVENTS + 1))]
    kept = events.newest(repository, batch, kind=EventKind.TASK_SNAPSHOT, limit=_MOST_SNAPSHOTS + 1)
    base = f"/repositories/{quote(repository)}/batches/{quote(batch)}/tasks"

    def href(task: str) -> str:
        return f"{base}/{quote(task, safe='')}"

    is_known = run is not None
    tasks = (run["plan"].get("task_list") or {}).get("tasks", ()) if is_known else ()
    return BatchLook(
        run=run,
        job=jobs[0],
        open_job=next((job for job in jobs if not job.state.is_over), None),
        graph=batch_graph(run, href=href) if is_known else "",
        gantt=batch_gantt(run, now=datetime.now(UTC), href=href) if is_known else "",
        counts=dict(Counter(task["status"] for task in run["tasks"].values()).most_common()) if is_known else {},
        titles={str(task["id"]): task.get("title", "") for task in tasks},
        not_drawn=max(0, len(run["tasks"]) - MOST_TASKS) if is_known else 0,
        snapshots=_snapshots([*map(json.loads, kept)]),
        has_all_snapshots=len(kept) <= _MOST_SNAPSHOTS,
        events=[
            (as_time(one["at"]), one["kind"], str(one["data"].get("task_id", "")), _words(one["data"]))
            for one in heard[-_SHOWN_EVENTS:]
        ],
        has_older_events=len(heard) > _SHOWN_EVENTS,
    )


def _snapshots(heard: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[int, datetime]]:
    kept: dict[str, tuple[int, datetime]] = {}
    for one in heard:
        task = str(one["data"].get("task_id", ""))
        kept[task] = (kept.get(task, (0, None))[0] + 1, as_time(one["at"]))
    return kept


def _words(data: Mapping[str, Any]) -> str:
    return next((str(data[key]) for key in ("reason", "error", "merge_status", "status", "title") if data.get(key)), "")


@router.get("/repositories/{repository}/batches")
def list_batches(request: Request, repository: str, actor: Viewer) -> Response:
    """Batch runs, newest first: those of the service, and those that were found in the repository."""
    service = service_of(request)
    has_own_branches = service.repositories.get(repository).url is None
    which = JobFilter(repositories=[repository], kinds=RUNS)
    jobs, older = page_of(service.jobs, which, request.query_params, rows=_RUNS)
    mine: dict[str, Job] = {}
    for job in jobs:
        mine.setdefault(job.run_id or "", job)
    listed = service.jobs.newest(repository, [JobKind.BATCH_LIST])
    found = [one for one in (content_of(service.jobs, listed) or {}).get("batch_runs", ()) if one["id"] not in mine]
    return page(
        request,
        "batches.html",
        actor=actor,
        repository=repository,
        jobs=list(mine.values()),
        listed=listed,
        found=found,
        older=older,
        most=_RUNS,
        has_own_branches=has_own_branches,
        key=secrets.token_urlsafe(16),
    )


@router.post("/repositories/{repository}/batch-lists")
def look_for_batches(request: Request, repository: str, actor: Operator, key: Key) -> Response:
    """The button that finds the batch runs of the repository."""
    service = service_of(request)
    return led_to(posted(service, actor, request, (JobKind.BATCH_LIST, Nothing(), {}), f"page-batches-{key}"))


@router.get("/repositories/{repository}/batches/{batch}")
def show_batch(request: Request, repository: str, batch: RunName, actor: Viewer) -> Response:
    """A batch run."""
    look = _look(service_of(request), repository, batch)
    wanted = request.query_params.get("status", "")
    status = wanted if wanted in look.counts else ""
    return page(
        request,
        "batch.html",
        actor=actor,
        repository=repository,
        batch=batch,
        look=look,
        batches=[] if look.run is None else look.tasks(status),
        wanted=status,
        may_ask=actor.may(Role.OPERATOR) and look.open_job is not None,
        key=secrets.token_urlsafe(16),
    )


@router.get("/repositories/{repository}/batches/{batch}/tasks/{task}")
def show_task(request: Request, repository: str, batch: RunName, task: TaskName, actor: Viewer) -> Response:
    """A task: how it stands, and the end of what it wrote."""
    service = service_of(request)
    look = _look(service, repository, batch)
    known = None if look.run is None else look.run["tasks"].get(task)
    if known is None:
        raise NotFound(f"batch run {display(batch)} has no task {display(task)}", code="unknown_task")
    jobs = service.jobs.about_run(repository, batch, RUNS)
    word = request.query_params.get("from", "")
    offset = int(word) if word.isdecimal() and word.isascii() and len(word) < 12 else 0
    body, following = output_of_task(request, actor, jobs, task, offset=offset, most_bytes=_LOG_BYTES)
    return page(
        request,
        "task.html",
        actor=actor,
        repository=repository,
        batch=batch,
        name=task,
        task=known,
        title=look.titles.get(task, ""),
        snapshots=look.snapshots.get(task),
        conflicts=[one for one in look.run["running_conflicts"] if task in (one["task"], one["other"])],
        is_open=look.open_job is not None,
        log=readable(body),
        offset=offset,
        following=following,
        is_full=len(body) == _LOG_BYTES,
    )


@router.post("/repositories/{repository}/batches/{batch}/ask")
def ask_batch(request: Request, repository: str, batch: RunName, actor: Operator, what: str = "") -> Response:
    """The buttons that pause a batch run, go on with it, stop and cancel it."""
    service = service_of(request)
    look = _look(service, repository, batch)
    job = look.open_job
    if job is not None and job.state in (JobState.QUEUED, JobState.RUNNING):
        if what == "stop":
            service.jobs.request_stop(job.id, actor=actor.name)
        elif what == "cancel":
            service.jobs.request_stop(job.id, actor=actor.name, asked=Asked.CANCEL)
        elif what in _ASKS:
            service.jobs.ask(job.id, _ASKS[what], actor=actor.name)
        else:
            raise UserError(f"a batch run is not asked to {display(what[:40])!r}", hint="pause, go-on, stop, cancel")
    return RedirectResponse(f"/repositories/{quote(repository)}/batches/{quote(batch)}", status_code=303)
