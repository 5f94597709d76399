"""Events as server-sent events: `Last-Event-ID` goes on exactly where a stream ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobState, ServiceEvent
from gitalign.service.access import Needs
from gitalign.service.api.jobs import job_seen
from gitalign.service.feed import EventFeed
from gitalign.service.state import service_of

router = APIRouter(prefix="/api/v1", tags=["events"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
LastEventId = Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")]
After = Annotated[int | None, Query(ge=0, le=10**18)]
_PING_S = 15
_SLOWEST_S = 60.0
"""A reader that takes nothing for so long is disconnected; it comes back with the id of what it has."""


@router.get("/repositories/{repository}/events")
def follow_repository(
    request: Request, repository: str, actor: Viewer, last_event_id: LastEventId = None, after: After = None
) -> EventSourceResponse:
    """Events of a repository: behind `Last-Event-ID` or `after`, else from now on.

    The first message, `here`, has no content; its id is where the stream begins.
    """
    service = service_of(request)
    service.feed.require_room()
    newest = service.repositories.get(repository).last_event
    seq = _start(last_event_id, after, newest, newest=newest)
    return _streamed(_all(service.feed, repository, seq))


@router.get("/jobs/{job}/events")
def follow_job(
    request: Request, job: str, actor: Viewer, last_event_id: LastEventId = None, after: After = None
) -> Response:
    """Events of a job: behind `Last-Event-ID` or `after`, else from its beginning. The stream ends with the job."""
    service = service_of(request)
    found = job_seen(service, actor, job)
    service.feed.require_room()
    reader = service.feed.reader
    first = reader.after(found.repository, 0, job=found.id, limit=1)
    newest = reader.last().get(found.repository, 0)
    seq = _start(last_event_id, after, first[0].seq - 1 if first else 0, newest=newest)
    if found.state.is_over and not reader.after(found.repository, seq, job=found.id, limit=1):
        return Response(status_code=204)  # EventSource comes back when a stream ends, unless it gets this
    return _streamed(_of_job(service.feed, found.repository, found.id, seq))


def _start(last_event_id: str | None, after: int | None, otherwise: int, *, newest: int) -> int:
    """Behind which event a stream begins; a number beyond the newest would miss those that come."""
    given = after if last_event_id is None else int(last_event_id)
    return otherwise if given is None else min(given, newest)


def _streamed(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    headers = {"X-Accel-Buffering": "no"}
    return EventSourceResponse(events, ping=_PING_S, sep="\n", headers=headers, send_timeout=_SLOWEST_S)


async def _all(feed: EventFeed, repository: str, seq: int) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="here", id=str(seq), data="")
    async with aclosing(feed.follow(repository, seq)) as events:
        async for event in events:
            yield _message(event)


async def _of_job(feed: EventFeed, repository: str, job: str, seq: int) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="here", id=str(seq), data="")
    async with aclosing(feed.follow(repository, seq)) as events:
        async for event in events:
            if event.job != job:
                continue
            yield _message(event)
            if event.kind == "job" and JobState(json.loads(event.document)["state"]).is_over:
                return


def _message(event: ServiceEvent) -> ServerSentEvent:
    """`job` carries the job as it is now, `run` an event of the engine."""
    return ServerSentEvent(event="job" if event.kind == "job" else "run", id=str(event.seq), data=event.document)
