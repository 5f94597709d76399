"""The client that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TypeVar

import httpx

from gitalign.client import attempts, calls
from gitalign.client.attempts import Patience
from gitalign.client.calls import OVER, Call, Problem, StreamedEvent, StreamReader
from gitalign.client.connection import connection
from gitalign.client.operation import AwaitedSender
from gitalign.client.operations import Operations
from gitalign.documents.models.service import BranchRowDocument, JobDocument, JobsDocument

T = TypeVar("T")


class AsyncClient(Operations, AwaitedSender):
    """A service at an address. For one event loop; closed by `async with` or `close`.

    Args:
        address: such as `https://align.example.org`.
        token: `gal_…`; empty to get one with `exchange_token`.
        timeout_s: of one request, in seconds.
        allow_plain_http: send the token unencrypted to other machines than this one, too.
        transport: of httpx, for tests and proxies.

    Raises:
        UserError: it is no address or no token, or the token would be sent in the clear.

    Every method raises `Problem` when the service refuses, and `RemoteError` when it cannot be reached.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        allow_plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        settings = connection(address, token, timeout_s=timeout_s, allow_plain_http=allow_plain_http)
        self._address = address
        self._http = httpx.AsyncClient(transport=transport, **settings)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def newest_run(self, repository: str) -> str:
        """The id of the newest run that the service made.

        Raises:
            UserError: there is none.
        """
        cursor: str | None = None
        while True:
            page = await self.list_runs(repository, cursor=cursor, limit=50)
            cursor = page["next"]
            run_id = calls.newest_run(page)
            if run_id is not None:
                return run_id

    async def document(self, job: JobDocument | str, kind: type[T], *, patiently: bool = False) -> T:
        """What a job came to.

        Args:
            job: that is over.
            kind: of the document, such as `PlanDocument` of `gitalign.documents.models.plans`.
            patiently: as for `job`.

        Raises:
            UserError: it is another kind of document.
        """
        return await self.send(calls.document_of_job(job, kind, patiently=patiently))

    async def wait(self, job: JobDocument | str) -> JobDocument:
        """The job when it is over, followed by its events."""
        async for _ in self.events_of_job(job):
            pass
        return await self.job(job, patiently=True)

    async def jobs(self, repository: str | None = None, *, limit: int = 50) -> AsyncIterator[JobDocument]:
        """Jobs, newest first; further pages are asked for when they are needed."""
        cursor: str | None = None
        while True:
            page = await self._page_of_jobs(repository, cursor, limit)
            for job in page["jobs"]:
                yield job
            cursor = page["next"]
            if cursor is None:
                return

    async def branches(self, repository: str, *, limit: int = 200) -> AsyncIterator[BranchRowDocument]:
        """Branches by name, as the newest plan, forecast and run saw them."""
        cursor: str | None = None
        while True:
            page = await self.list_branches(repository, cursor=cursor, limit=limit)
            for branch in page["branches"]:
                yield branch
            cursor = page["next"]
            if cursor is None:
                return

    async def events(self, repository: str, *, after: int | None = None) -> AsyncIterator[StreamedEvent]:
        """Events of a repository, without end; a connection that breaks is made again, and nothing is missed.

        Args:
            repository: by name.
            after: id of the last event that is known; from now on when None.
        """
        async for event in self._stream(
            calls.events_of(repository), StreamReader(after), self._patience(None, repository)
        ):
            yield event

    async def events_of_job(self, job: JobDocument | str, *, after: int | None = None) -> AsyncIterator[StreamedEvent]:
        """Events of a job, to its end."""
        async for event in self._stream(
            calls.events_of_job(calls.job_id(job)), StreamReader(after), self._patience(job)
        ):
            yield event
            if event.kind == "job" and event.document["state"] in OVER:
                return

    async def _stream(self, path: str, reader: StreamReader, patience: Patience) -> AsyncIterator[StreamedEvent]:
        while True:
            reader.begin()
            pause = attempts.PAUSE_S
            try:
                async with self._http.stream("GET", path, headers=reader.headers()) as stream:
                    if stream.status_code == 204:
                        return
                    media = stream.headers.get("Content-Type", "")
                    if not calls.is_of_events(stream.status_code, media):
                        body, retry = await stream.aread(), stream.headers.get("Retry-After")
                        raise calls.no_events(stream.status_code, media, body, retry_after=retry)
                    patience.succeeded()
                    async for line in stream.aiter_lines():
                        event = reader.take(line)
                        if event is not None:
                            yield event
            except (httpx.TransportError, Problem) as error:
                pause = patience.pause_after(error)
            await asyncio.sleep(pause)

    def _patience(self, job: JobDocument | str | None, repository: str | None = None) -> Patience:
        if job is not None and not isinstance(job, str):
            repository = job["repository"]
        return Patience(self._address, job=None if job is None else calls.job_id(job), repository=repository)

    async def _page_of_jobs(self, repository: str | None, cursor: str | None, limit: int) -> JobsDocument:
        if repository is None:
            return await self.list_jobs(cursor=cursor, limit=limit)
        return await self.list_jobs_of(repository, cursor=cursor, limit=limit)

    async def send(self, call: Call[T]) -> T:
        """The answer to a call; see `Operation.call`."""
        trying = attempts.for_a_request() if call.followed is None else self._patience(call.followed)
        while True:
            try:
                answer = await self._http.request(
                    call.method, call.path, json=call.json, params=dict(call.params), headers=dict(call.headers)
                )
                return calls.answer(
                    call,
                    answer.status_code,
                    answer.headers.get("Content-Type", ""),
                    answer.content,
                    retry_after=answer.headers.get("Retry-After"),
                )
            except (httpx.TransportError, Problem) as error:
                pause = trying.pause_after(error)
            await asyncio.sleep(pause)
