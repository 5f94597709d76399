"""What is sent and what comes back as values, the same for both clients. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from gitalign.core.names import display
from gitalign.documents.formats import FORMATS, Format, opened
from gitalign.documents.models.service import JobDocument, JobsDocument
from gitalign.documents.reading import Malformed
from gitalign.errors import GitAlignError, RemoteError, UserError

T = TypeVar("T")
OVER = ("done", "failed", "stopped")
"""States of jobs that change no more."""
_MOST_FAULTS = 10
_OK, _NO_CONTENT = 200, 204
_OTHER_ADDRESS = (
    "give the address of the service itself; a redirect is not followed, because the token would go with it"
)


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
    """A request, what its answer is read as, and the job for whose sake a service that is away is waited for.

    With `takes_text` the answer may be anything; else it is JSON, or there is none.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    followed: JobDocument | str | None = None
    takes_text: bool = False


EVENTS_OF_JOB = "GET /api/v1/jobs/{job}/events"
EVENTS_OF_REPOSITORY = "GET /api/v1/repositories/{repository}/events"


def events_of_job(job_id: str) -> str:
    """The address of a job's events."""
    return EVENTS_OF_JOB.removeprefix("GET ").format(job=quote(job_id, safe=""))


def events_of(repository: str) -> str:
    """The address of a repository's events."""
    return EVENTS_OF_REPOSITORY.removeprefix("GET ").format(repository=quote(repository, safe=""))


def job_id(job: JobDocument | str) -> str:
    """The id of a job that is given, or named."""
    return job if isinstance(job, str) else job["id"]


def _name_of_kind(form: Format) -> str:
    """Of the model of a document; of one that is made of a schema, after the document's name."""
    of_schema = "".join(word.capitalize() for word in form.name.split("-")) + "Document"
    return of_schema if form.model.endswith(".json") else form.model.partition(":")[2]


def document_of_job(job: JobDocument | str, kind: type[T], *, patiently: bool) -> Call[T]:
    """What a job came to, when it is a document of this kind."""

    def read(said: Any) -> T:
        name = str(said.get("format", "")).removeprefix("git-align/") if isinstance(said, dict) else "text"
        if name not in FORMATS or _name_of_kind(FORMATS[name]) != kind.__name__:
            raise UserError(
                f"job {job_id(job)} came to {name or 'another document'}, not to {kind.__name__}", code="usage"
            )
        try:
            opened(said, name)
        except Malformed as error:
            raise RemoteError(
                f"job {job_id(job)} came to a document that cannot be read here: {error}",
                hint="install the release of git-align that the service has",
            ) from error
        return cast(T, said)

    path = f"/api/v1/jobs/{quote(job_id(job), safe='')}/document"
    return Call(method="GET", path=path, read=read, followed=job if patiently else None, takes_text=True)


def newest_run(page: JobsDocument) -> str | None:
    """The id of the newest run of a page of jobs; None when it has none, but further pages may.

    Raises:
        UserError: it has none, and it is the last page.
    """
    for job in page["jobs"]:
        if job["run_id"] is not None and job["kind"] == "run":
            return job["run_id"]
    if page["next"] is not None:
        return None
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
        Problem: the service refused the request, or something else answered, such as a page to sign in of a proxy.
    """
    media_type = media_type.partition(";")[0].strip()
    is_json = media_type.endswith("json")
    try:
        said = json.loads(body) if is_json else body.decode("utf-8", "replace")
    except ValueError as error:
        raise Problem(status, {"code": "not_json", "detail": f"the answer is not JSON: {error}"}) from error
    if status >= 400:
        raise Problem(status, said if isinstance(said, dict) else {}, retry_after=retry_after)
    if status >= 300:
        raise Problem(status, {"detail": f"HTTP status {status}: the answer leads elsewhere", "hint": _OTHER_ADDRESS})
    if not (is_json or call.takes_text or status == _NO_CONTENT):
        raise Problem(
            status,
            {
                "code": "not_json",
                "detail": f"the answer is not JSON but {display(media_type or 'text')}",
                "hint": _OTHER_ADDRESS,
            },
        )
    return call.read(said)


def is_of_events(status: int, media_type: str) -> bool:
    """Whether events follow."""
    return status == _OK and media_type.partition(";")[0].strip() == "text/event-stream"


def no_events(status: int, media_type: str, body: bytes, *, retry_after: str | None = None) -> Problem:
    """What is wrong with an answer that brings no events; arguments as for `answer`."""
    try:
        answer(Call(method="GET", path="", read=str), status, media_type, body, retry_after=retry_after)
    except Problem as problem:
        return problem
    return Problem(status, {"detail": "the answer brings no events", "hint": _OTHER_ADDRESS})


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
