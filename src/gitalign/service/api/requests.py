"""Bodies of requests, and what is common to all that write a job."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from gitalign.core.accounts import Actor
from gitalign.core.jobs import Job, JobKind, NewJob
from gitalign.core.policy import MergesPolicy, Strategy
from gitalign.core.schedules import ScheduledKind
from gitalign.documents import jobs as job_documents
from gitalign.documents.formats import json_text
from gitalign.facade import ReportFormat
from gitalign.service.access import require_role
from gitalign.service.identities import require_folder
from gitalign.service.repeats import require_unanswered
from gitalign.service.state import Service

_LONGEST = 1_000
_ABOUT_A_RUN = frozenset(
    kind for kind in JobKind if kind in (JobKind.REPORT, JobKind.VERIFY, JobKind.STORY) or kind.runs_tasks
)
"""Kinds whose jobs are found by the run that the request names, from the beginning."""
_MOST_WORDS = 1_000
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST, pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[list[Word], Field(max_length=_MOST_WORDS)]
PlanId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RunName = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$")]
"""The id of a run or of a batch run, whole; see `is_run_id`."""


class Body(BaseModel):
    """A JSON body; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewRepository(Body):
    """A repository under a name: a folder on the machine of the workers, or an address of a git server."""

    name: Name
    path: Annotated[str, StringConstraints(max_length=4_000, pattern=r"^/[^\x00]*$")] | None = None
    url: Annotated[str, StringConstraints(min_length=1, max_length=1_500)] | None = None
    config_file: Annotated[str, StringConstraints(max_length=4_000, pattern=r"^/[^\x00]*$")] | None = None


class NewCredential(Body):
    """What the server of a repository asks for: name and password, or a private key and the hosts that it may be shown to."""

    kind: Literal["basic", "ssh"]
    username: Annotated[str, StringConstraints(max_length=500)] = ""
    secret: SecretStr = Field(max_length=20_000)
    known_hosts: Annotated[str, StringConstraints(max_length=100_000)] = ""


class Choice(Body):
    """Which branches, and how; as the options of the command line of these names."""

    only: Words = []
    exclude: Words = []
    targets: Words = []
    strategy: Strategy | None = None
    merges: MergesPolicy | None = None
    fetch: bool = False


class NewPlan(Choice):
    """A plan; with `push` it says what remotes hold, so that its results can be pushed."""

    push: bool = False


class NewForecast(Choice):
    """A forecast; with `pairs` also which branches conflict with one another."""

    pairs: bool = False


class NewSchedule(Choice):
    """A schedule: a forecast, or a plan that is run when there is something to align."""

    kind: ScheduledKind
    cron: Annotated[str, StringConstraints(min_length=9, max_length=100)]
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
    quiet: Annotated[str, StringConstraints(max_length=11)] | None = None
    push: bool = False


class NewConflicts(Choice):
    """Branches grouped by the conflict at which they stop; with `branch` all about one of them."""

    branch: Word | None = None


class NewRun(Body):
    """A run of a plan that was made before."""

    plan_id: PlanId
    push: bool = False


class Undoing(Body):
    """An undo; with `push` also of what was pushed."""

    push: bool = False


class NewReport(Body):
    """A report in one of its forms."""

    format: ReportFormat = ReportFormat.JSON


class Nothing(Body):
    """No more is asked."""


def said(name: str, *, status: int = 200, media_type: str = "application/json") -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an answer: which document it is.

    Args:
        name: of the document, as its published schema is called.
        status: of the answer.
        media_type: of the answer.
    """
    schema = {"type": "object", "title": f"git-align {name}", "description": f"See {name}.schema.json"}
    problem = {"type": "object", "required": ["type", "title", "status", "detail", "code"]}
    return {
        status: {"description": f"the document {name}", "content": {media_type: {"schema": schema}}},
        "default": {"description": "problem details", "content": {"application/problem+json": {"schema": problem}}},
    }


def answer(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document as an answer."""
    return Response(json_text(document), status_code=status, media_type="application/json", headers=headers)


def posted(
    service: Service,
    actor: Actor,
    request: Request,
    new: tuple[JobKind, Body, Mapping[str, str]],
    key: str | None,
    *,
    text: str | None = None,
) -> Response:
    """Write a job for a request; the answer names it. See `written`."""
    job, is_new = written(service, actor, request, new, key, text=text)
    return accepted(job, is_new=is_new)


def written(
    service: Service,
    actor: Actor,
    request: Request,
    new: tuple[JobKind, Body, Mapping[str, Any]],
    key: str | None,
    *,
    text: str | None = None,
) -> tuple[Job, bool]:
    """Write a job for a request. The same key of the same actor writes it once; what runs a project is alone there.

    Args:
        service: of the request.
        actor: who asks.
        request: its path names the repository.
        new: kind, body, and the plan or run that it is about.
        key: of the client.
        text: a long text that belongs to the request; its digest is in what it is about.

    Returns:
        The job, and whether it is new.

    Raises:
        NotFound, NotAllowed, Contradiction, NoResources
    """
    kind, body, about = new
    require_role(actor, kind.role)
    require_own_branches(service, request, kind)
    require_unanswered(request, actor, key)
    params = {**body.model_dump(mode="json", exclude_defaults=True), **about}
    plan_id = params.pop("plan_id", None)
    content = json.dumps([request.method, request.url.path, params, plan_id], sort_keys=True)
    job, is_new = service.jobs.add(
        NewJob(
            repository=request.path_params["repository"],
            kind=kind,
            params=params,
            plan_id=plan_id,
            run_id=params.get("run_id") if kind in _ABOUT_A_RUN else None,
            created_by=actor.name,
            idempotency_key=key,
            digest=hashlib.sha256(content.encode("ascii")).hexdigest(),
            text=text,
            is_alone=bool(params.get("project")),
            request_id=getattr(request.state, "request_id", ""),
            trace=getattr(request.state, "trace", ""),
        ),
        job_id=secrets.token_hex(16),
        most_open=service.settings.limits.open_jobs,
        most_of_user=service.settings.limits.open_jobs_of_user,
    )
    service.workers.wake()
    return job, is_new


def require_own_branches(service: Service, request: Request, kind: JobKind) -> None:
    """Refuse at once what the repository of a request cannot do because it is known by its address.

    Raises:
        NotFound, Contradiction
    """
    if kind.needs_folder:
        require_folder(kind, service.repositories.get(request.path_params["repository"]).url)


def accepted(job: Job, *, is_new: bool) -> Response:
    """The answer that names a job."""
    headers = {"Location": f"/api/v1/jobs/{job.id}"}
    if not is_new:
        headers["Idempotent-Replayed"] = "true"
    return answer(job_documents.dump(job), status=202, headers=headers)
