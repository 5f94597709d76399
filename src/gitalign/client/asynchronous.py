"""The client that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

import httpx

from gitalign.client import attempts, calls
from gitalign.client.attempts import Attempts, Patience
from gitalign.client.calls import OVER, Call, Problem, StreamedEvent, StreamReader
from gitalign.client.connection import connection
from gitalign.documents.models.service import BranchRowDocument, JobDocument, ServedRepositoryDocument, TaskLogDocument

T = TypeVar("T")


class AsyncClient:
    """A service at an address. For one event loop; closed by `async with` or `close`.

    Args:
        address: such as `https://align.example.org`.
        token: `gal_…`.
        timeout_s: of one request, in seconds.
        allow_plain_http: send the token unencrypted to other machines than this one, too.
        transport: of httpx, for tests and proxies.

    Raises:
        UserError: it is no address, or the token would be sent in the clear.

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

    async def repositories(self) -> list[ServedRepositoryDocument]:
        """Repositories that the token may see."""
        return await self._ask(calls.repositories())

    async def plan(self, repository: str, *, key: str | None = None, **choice: Any) -> JobDocument:
        """Ask for a plan.

        Args:
            repository: by name.
            key: the same key asks for the same job; a new one when None.
            choice: `only`, `exclude`, `targets`, `strategy`, `merges`, `fetch`, `push`.
        """
        return await self._ask(calls.ask(repository, "plans", choice, key=key))

    async def forecast(self, repository: str, *, key: str | None = None, **choice: Any) -> JobDocument:
        """Ask for a forecast; `pairs` and what `plan` takes, but `push`."""
        return await self._ask(calls.ask(repository, "forecasts", choice, key=key))

    async def conflicts(self, repository: str, *, key: str | None = None, **choice: Any) -> JobDocument:
        """Ask for conflicts; `branch` and what `plan` takes, but `push`."""
        return await self._ask(calls.ask(repository, "conflicts", choice, key=key))

    async def fetch(self, repository: str, *, key: str | None = None) -> JobDocument:
        """Ask to fetch."""
        return await self._ask(calls.ask(repository, "fetches", {}, key=key))

    async def run(
        self,
        repository: str,
        plan_id: str,
        *,
        push: bool = False,
        only_if_newest: bool = False,
        key: str | None = None,
    ) -> JobDocument:
        """Ask to run a plan.

        Args:
            repository: by name.
            plan_id: of a plan that was made before.
            push: also push, with a plan that was made with `push`.
            only_if_newest: refuse when there is a newer plan.
            key: see `plan`.
        """
        return await self._ask(calls.run(repository, plan_id, push=push, key=key, only_if_newest=only_if_newest))

    async def undo(self, repository: str, run_id: str, *, push: bool = False, key: str | None = None) -> JobDocument:
        """Ask to put back what a run moved."""
        return await self._ask(calls.about_run(repository, run_id, "undo", {"push": push}, key=key))

    async def resume(self, repository: str, run_id: str, *, key: str | None = None) -> JobDocument:
        """Ask to go on with a run that was stopped before it published."""
        return await self._ask(calls.about_run(repository, run_id, "resume", {}, key=key))

    async def report(self, repository: str, run_id: str, *, form: str = "json", key: str | None = None) -> JobDocument:
        """Ask for a report: `json`, `html`, `md`, `junit` or `sarif`."""
        return await self._ask(calls.about_run(repository, run_id, "reports", {"format": form}, key=key))

    async def verify(self, repository: str, run_id: str, *, key: str | None = None) -> JobDocument:
        """Ask to prove the certificates of a run again."""
        return await self._ask(calls.about_run(repository, run_id, "proofs", {}, key=key))

    async def ask(self, repository: str, verb: str, *, key: str | None = None, **body: Any) -> JobDocument:
        """Ask for any other verb: `doctor`, `categories`, `order`, `resolve`, `restore`, `prune`, `resolutions/learn`, …

        Args:
            repository: by name.
            verb: its address below the repository, as the guide lists it.
            key: see `plan`.
            body: as the API takes it.
        """
        return await self._ask(calls.verb(repository, verb, body, key=key))

    async def newest(self, repository: str, verb: str) -> Any:
        """The newest document of a verb: `doctor`, `forecast`, `clash-map`, `batch-list`, …"""
        return await self._ask(calls.newest(repository, verb))

    async def plan_of(self, repository: str, plan_id: str) -> Any:
        """A plan, by its id."""
        return await self._ask(calls.newest(repository, f"plans/{plan_id}"))

    async def show(self, repository: str, run_id: str) -> Any:
        """The report of a run."""
        return await self._ask(calls.newest(repository, f"runs/{run_id}"))

    async def newest_run(self, repository: str) -> str:
        """The id of the newest run that the service made.

        Raises:
            UserError: there is none.
        """
        return calls.newest_run(await self._ask(calls.newest(repository, "runs", limit=50)))

    async def batch_plan(
        self, repository: str, text: str, *, name: str = "tasks.yaml", key: str | None = None, **more: Any
    ) -> JobDocument:
        """Submit a task list or a plan of a batch; the job's `plan_id` names it. Nothing of it runs.

        Args:
            repository: by name.
            text: of the file.
            name: of the file; its ending says how it is written.
            key: see `plan`.
            more: `tasks`, `command`, `target`, `commit_leftovers`, `most_tasks`.
        """
        return await self._ask(calls.verb(repository, "batch-plans", {"text": text, "name": name, **more}, key=key))

    async def batch_run(self, repository: str, plan_id: str, *, key: str | None = None, **how: Any) -> JobDocument:
        """Have workers execute a plan that was submitted; `push`, `best_subset`, `squash`, `max_concurrency`, `again`, …"""
        return await self._ask(calls.verb(repository, "batches", {"plan_id": plan_id, **how}, key=key))

    async def batch(self, repository: str, batch: str) -> Any:
        """How a batch run stands; also while it runs."""
        return await self._ask(calls.newest(repository, f"batches/{batch}"))

    async def batch_log(self, repository: str, batch: str, task: str, *, offset: int = 0) -> TaskLogDocument:
        """What a task wrote, from an offset in bytes on."""
        return await self._ask(calls.task_log(repository, batch, task, offset=offset))

    async def batch_control(
        self, repository: str, batch: str, action: str, *, key: str | None = None, **body: Any
    ) -> JobDocument:
        """`pause`, `stop`, `cancel`, `resume`, `retry`, `land`, `undo` or `reports` of a batch run."""
        return await self._ask(calls.about_batch(repository, batch, action, body, key=key))

    async def add_webhook(self, repository: str, url: str, *, kinds: Sequence[str] = ()) -> Any:
        """Register a webhook; its secret is in the answer, and nowhere else. An answer that is lost is not asked for again."""
        return await self._ask(calls.add_webhook(repository, url, kinds), trying=attempts.for_a_request(most=1))

    async def remove_webhook(self, repository: str, webhook: str) -> None:
        """Forget a webhook with its deliveries."""
        await self._ask(calls.remove_webhook(repository, webhook))

    async def webhooks(self, repository: str) -> Any:
        """Webhooks of a repository, without their secrets."""
        return await self._ask(calls.newest(repository, "webhooks"))

    async def deliveries(self, repository: str, webhook: str, *, cursor: str | None = None) -> Any:
        """Deliveries of a webhook, newest first; `next` of one page is the cursor of the page that follows."""
        return await self._ask(calls.newest(repository, f"webhooks/{webhook}/deliveries", cursor=cursor))

    async def project(
        self, project_id: str, path: str, *, method: str = "GET", body: Any = None, key: str | None = None
    ) -> Any:
        """A request below `/api/projects/ID`: `parallel/start`, `execution-plan`, `worktrees/1/create`, …"""
        return await self._ask(calls.project(method, project_id, path, body, key=key))

    async def stop(self, job: JobDocument | str) -> JobDocument:
        """Ask a job to end cleanly."""
        return await self._ask(calls.stop(_id(job)))

    async def job(self, job: JobDocument | str, *, patiently: bool = False) -> JobDocument:
        """A job as it is now; `patiently` also waits for a service that is away, as `wait` does."""
        return await self._ask(calls.job(_id(job)), trying=self._patience(job) if patiently else None)

    async def document(self, job: JobDocument | str, *, patiently: bool = False) -> Any:
        """What a job came to: JSON as objects, other forms as text. `patiently` as for `job`."""
        return await self._ask(calls.document(_id(job)), trying=self._patience(job) if patiently else None)

    async def wait(self, job: JobDocument | str) -> JobDocument:
        """The job when it is over, followed by its events."""
        async for _ in self.events_of_job(job):
            pass
        return await self.job(job, patiently=True)

    async def jobs(self, repository: str | None = None, *, limit: int = 50) -> AsyncIterator[JobDocument]:
        """Jobs, newest first; further pages are asked for when they are needed."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.jobs(repository, cursor=cursor, limit=limit))
            for job in page["jobs"]:
                yield job
            cursor = page["next"]
            if cursor is None:
                return

    async def branches(self, repository: str, *, limit: int = 200) -> AsyncIterator[BranchRowDocument]:
        """Branches by name, as the newest plan, forecast and run saw them."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.branches(repository, cursor=cursor, limit=limit))
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
        async for event in self._stream(calls.events_of_job(_id(job)), StreamReader(after), self._patience(job)):
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
                    if stream.status_code != 200:
                        media = stream.headers.get("Content-Type", "")
                        body, retry = await stream.aread(), stream.headers.get("Retry-After")
                        calls.answer(calls.document(""), stream.status_code, media, body, retry_after=retry)
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
        return Patience(self._address, job=None if job is None else _id(job), repository=repository)

    async def _ask(self, call: Call[T], *, trying: Attempts | None = None) -> T:
        trying = trying or attempts.for_a_request()
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


def _id(job: JobDocument | str) -> str:
    return job if isinstance(job, str) else job["id"]
