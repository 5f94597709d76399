"""Requests and answers as values, the same for both clients. No I/O."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from gitalign.documents.models.service import (
    BranchesDocument,
    JobDocument,
    JobsDocument,
    RepositoriesDocument,
    ServedRepositoryDocument,
    TaskLogDocument,
)
from gitalign.errors import GitAlignError, UserError

T = TypeVar("T")
API = "/api/v1"
OVER = ("done", "failed", "stopped")
"""States of jobs that change no more."""
_MOST_FAULTS = 10


class Problem(GitAlignError):
    """The service refused a request, or could not carry it out.

    Attributes:
        status: of HTTP.
        code: as in the document of the error.
        faults: every one that was found; the message holds the first ones.
        retry_after_s: seconds after which the service wants to be asked again; None when it does not say.
    """

    def __init__(self, status: int, document: Mapping[str, Any], *, retry_after: str | None = None) -> None:
        self.faults = tuple(map(str, document.get("faults", ())))
        message = str(document.get("detail", f"HTTP status {status}"))
        if self.faults:
            more = len(self.faults) - _MOST_FAULTS
            listed = "; ".join(self.faults[:_MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "")
            message = f"{message}: {listed}"
        code = str(document.get("code", f"http_{status}"))
        super().__init__(message, hint=str(document.get("hint", "")), code=code)
        self.status = status
        self.retry_after_s = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """That of the command line: 2 for what was asked, 3 for the service and what it stands on."""
        return 2 if self.status < 500 and self.status != 429 else 3

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """True when the same request may succeed later."""
        return self.status in (429, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedEvent:
    """One message of an event stream.

    Attributes:
        id: behind which a stream can go on.
        kind: `job` for a job as it is now, `run` for an event of the engine.
        document: what happened.
    """

    id: int
    kind: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """A request, and what its answer is read as."""

    method: str
    path: str
    read: Callable[[Any], T]
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def _get(path: str, read: Callable[[Any], T], **params: Any) -> Call[T]:
    given = {name: value for name, value in params.items() if value is not None}
    return Call(method="GET", path=f"{API}{path}", read=read, params=given)


def _post(path: str, body: Mapping[str, Any], *, key: str | None = None, match: str | None = None) -> Call[JobDocument]:
    headers = {"Idempotency-Key": key or secrets.token_hex(16)}
    if match is not None:
        headers["If-Match"] = f'"{match}"'
    return Call(method="POST", path=f"{API}{path}", read=_job, json=body, headers=headers)


def _job(document: Any) -> JobDocument:
    return cast(JobDocument, document)


def _of(repository: str, rest: str = "") -> str:
    return f"/repositories/{quote(repository, safe='')}{rest}"


def repositories() -> Call[list[ServedRepositoryDocument]]:
    """Repositories that the token may see."""
    return _get("/repositories", lambda said: cast(RepositoriesDocument, said)["repositories"])


def job(job_id: str) -> Call[JobDocument]:
    """One job."""
    return _get(f"/jobs/{quote(job_id, safe='')}", _job)


def jobs(repository: str | None, *, cursor: str | None, limit: int) -> Call[JobsDocument]:
    """A page of jobs."""
    path = "/jobs" if repository is None else _of(repository, "/jobs")
    return _get(path, lambda said: cast(JobsDocument, said), cursor=cursor, limit=limit)


def branches(repository: str, *, cursor: str | None, limit: int) -> Call[BranchesDocument]:
    """A page of branches."""
    return _get(_of(repository, "/branches"), lambda said: cast(BranchesDocument, said), cursor=cursor, limit=limit)


def document(job_id: str) -> Call[Any]:
    """What a job came to: JSON as objects, other forms as text."""
    return _get(f"/jobs/{quote(job_id, safe='')}/document", lambda said: said)


def ask(repository: str, what: str, body: Mapping[str, Any], *, key: str | None) -> Call[JobDocument]:
    """A job that finds something out: `plans`, `forecasts`, `conflicts`, `fetches`."""
    return _post(_of(repository, f"/{what}"), body, key=key)


def run(repository: str, plan_id: str, *, push: bool, key: str | None, only_if_newest: bool) -> Call[JobDocument]:
    """A job that runs a plan."""
    body = {"plan_id": plan_id, "push": push}
    return _post(_of(repository, "/runs"), body, key=key, match=plan_id if only_if_newest else None)


def verb(repository: str, path: str, body: Mapping[str, Any], *, key: str | None) -> Call[JobDocument]:
    """A job for any other verb, by its address below the repository."""
    return _post(_of(repository, f"/{quote(path)}"), body, key=key)


def newest(repository: str, path: str, **params: Any) -> Call[Any]:
    """The newest document below a repository."""
    return _get(_of(repository, f"/{quote(path)}"), lambda said: said, **params)


def task_log(repository: str, batch: str, task: str, *, offset: int) -> Call[TaskLogDocument]:
    """What a task wrote."""
    path = _of(repository, f"/batches/{quote(batch, safe='')}/logs/{quote(task, safe='')}")
    return _get(path, lambda said: cast(TaskLogDocument, said), offset=offset)


def add_webhook(repository: str, url: str, kinds: Sequence[str]) -> Call[Any]:
    """A new webhook."""
    body = {"url": url, "kinds": list(kinds)}
    return Call(method="POST", path=f"{API}{_of(repository, '/webhooks')}", read=lambda said: said, json=body)


def remove_webhook(repository: str, webhook: str) -> Call[None]:
    """The end of a webhook."""
    path = f"{API}{_of(repository, '/webhooks/')}{quote(webhook, safe='')}"
    return Call(method="DELETE", path=path, read=lambda said: None)


def project(method: str, project_id: str, path: str, body: Mapping[str, Any] | None, *, key: str | None) -> Call[Any]:
    """A request below a project."""
    headers = {"Idempotency-Key": key or secrets.token_hex(16)} if method == "POST" else {}
    address = f"/api/projects/{quote(project_id, safe='')}/{quote(path)}"
    return Call(method=method, path=address, read=lambda said: said, json=body, headers=headers)


def about_batch(
    repository: str, batch: str, what: str, body: Mapping[str, Any] | None, *, key: str | None
) -> Call[JobDocument]:
    """A job about a batch run: `resume`, `retry`, `land`, `undo`, `reports`; or `pause`, `stop`, `cancel`."""
    return _post(_of(repository, f"/batches/{quote(batch, safe='')}/{what}"), body or {}, key=key)


def about_run(
    repository: str, run_id: str, what: str, body: Mapping[str, Any], *, key: str | None
) -> Call[JobDocument]:
    """A job about a run: `undo`, `resume`, `reports`, `proofs`."""
    return _post(_of(repository, f"/runs/{quote(run_id, safe='')}/{what}"), body, key=key)


def stop(job_id: str) -> Call[JobDocument]:
    """The end of a job."""
    return _post(f"/jobs/{quote(job_id, safe='')}/stop", {})


def events_of_job(job_id: str) -> str:
    """The address of a job's events."""
    return f"{API}/jobs/{quote(job_id, safe='')}/events"


def events_of(repository: str) -> str:
    """The address of a repository's events."""
    return f"{API}{_of(repository, '/events')}"


def newest_run(jobs_page: JobsDocument) -> str:
    """The id of the newest run of a page of jobs.

    Raises:
        UserError: there is none.
    """
    for one in jobs_page["jobs"]:
        if one["run_id"] is not None and one["kind"] == "run":
            return one["run_id"]
    raise UserError(
        "the service has made no run of this repository yet", hint="git align remote run", code="unknown_run"
    )


def answer(call: Call[T], status: int, media_type: str, body: bytes, *, retry_after: str | None = None) -> T:
    """What an answer says.

    Args:
        call: the request.
        status, media_type, body: of the answer.
        retry_after: its header of that name.

    Raises:
        Problem: the service refused the request.
    """
    is_json = media_type.partition(";")[0].strip().endswith("json")
    try:
        said = json.loads(body) if is_json else body.decode("utf-8", "replace")
    except ValueError as error:
        raise Problem(status, {"code": "not_json", "detail": f"the answer is not JSON: {error}"}) from error
    if status >= 400:
        raise Problem(status, said if isinstance(said, dict) else {}, retry_after=retry_after)
    return call.read(said)


class StreamReader:
    """Puts the lines of an event stream together. Keeps the id behind which it goes on.

    Args:
        after: id of the last event that is known; None to begin where the service begins.
    """

    def __init__(self, after: int | None = None) -> None:
        self.last = after
        self._fields: dict[str, str] = {}

    def headers(self) -> dict[str, str]:
        """Headers of the next connection."""
        said = {"Accept": "text/event-stream"}
        return said if self.last is None else {**said, "Last-Event-ID": str(self.last)}

    def begin(self) -> None:
        """A new connection: half of an event from the last one does not count."""
        self._fields.clear()

    def take(self, line: str) -> StreamedEvent | None:
        """One line; the event that it completes."""
        if line.startswith(":"):
            return None
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "id" not in fields:
            return None
        self.last = int(fields["id"])
        kind = fields.get("event", "")
        if kind not in ("job", "run"):
            return None
        return StreamedEvent(id=self.last, kind=kind, document=json.loads(fields.get("data", "{}")))
