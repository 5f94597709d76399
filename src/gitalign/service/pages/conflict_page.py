"""Conflicts: branches grouped by what stops them, and the conflict of one branch with its three sides."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.core.names import command_on
from gitalign.errors import NotFound
from gitalign.service.api.requests import NewConflicts, posted
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_number
from gitalign.service.pages.page_route import Key, Operator, PageRoute, Viewer, led_to
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter, Jobs

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_GROUPS = 30
_MOST_FILES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SidesOfHunk:
    """A stretch that clashes, with its three sides; and the lines before it that git merged.

    Attributes:
        before: merged lines between the stretch before and this one.
        ours, base, theirs: lines of the target, of what both came from, and of the branch.
    """

    before: Sequence[str]
    ours: Sequence[str]
    base: Sequence[str]
    theirs: Sequence[str]


def sides_of(file: Mapping[str, Any]) -> list[SidesOfHunk]:
    """The stretches of a conflicted file.

    Args:
        file: document of a file with conflict markers.
    """
    hunks: list[SidesOfHunk] = []
    before: list[str] = []
    for number in range(1, file["hunks"] + 1):
        mine = [line for line in file["lines"] if line["hunk"] == number]
        if not mine:
            break
        first = file["lines"].index(mine[0])
        before = []
        for line in reversed(file["lines"][:first]):
            if line["hunk"] or line["kind"] == "gap":
                break
            before.insert(0, line["text"])
        sides = {kind: [line["text"] for line in mine if line["kind"] == kind] for kind in ("ours", "base", "theirs")}
        hunks.append(SidesOfHunk(before=before[-3:], **sides))
    return hunks


def _newest(jobs: Jobs, repository: str, *, branch: str | None = None) -> tuple[Job, Any] | None:
    """The newest answer, about all branches or with all about one of them."""
    which = JobFilter(repositories=[repository], kinds=[JobKind.CONFLICTS], states=[JobState.DONE])
    job = jobs.first(
        which,
        wanted=lambda one: branch in (None, one.params.get("branch")) and content_of(jobs, one) is not None,
    )
    return None if job is None else (job, content_of(jobs, job))


@router.get("/repositories/{repository}/conflicts")
def show_conflicts(request: Request, repository: str, actor: Viewer) -> Response:
    """Branches grouped by the conflict at which they stop, those of most branches first."""
    service = service_of(request)
    service.repositories.get(repository)
    found = _newest(service.jobs, repository)
    job, document = found if found is not None else (None, None)
    query = request.query_params.get("q", "")[:1_000]
    groups = [
        group
        for group in (document or {}).get("groups", ())
        if any(query.casefold() in word.casefold() for word in (*group["branches"], *group["paths"]))
    ]
    groups.sort(key=lambda group: (-len(group["branches"]), group["paths"]))
    pages = max(1, -(-len(groups) // _GROUPS))
    number = min(page_number(request.query_params), pages)
    return page(
        request,
        "conflicts.html",
        actor=actor,
        repository=repository,
        job=job,
        document=document,
        groups=groups[(number - 1) * _GROUPS : number * _GROUPS],
        total=len(groups),
        q=query,
        number=number,
        pages=pages,
        key=secrets.token_urlsafe(16),
    )


@router.get("/repositories/{repository}/conflicts/{branch:path}")
def show_conflict(request: Request, repository: str, branch: str, actor: Viewer) -> Response:
    """The conflict of one branch: three sides of each stretch, commits of both sides, commands."""
    service = service_of(request)
    service.repositories.get(repository)
    detailed = _newest(service.jobs, repository, branch=branch)
    found = detailed or _newest(service.jobs, repository)
    if found is None:
        raise NotFound(f"nothing is known of the conflicts of {repository} yet", code="not_known_yet")
    job, document = found
    entry = next((one for one in document["branches"] if one["branch"] == branch), None)
    detail = document["detail"] if detailed is not None else None
    files = (detail or {}).get("files", ())
    return page(
        request,
        "conflict.html",
        actor=actor,
        repository=repository,
        branch=branch,
        job=job,
        entry=entry,
        detail=detail,
        files=[(file, sides_of(file)) for file in files[:_MOST_FILES]],
        files_left_out=max(0, len(files) - _MOST_FILES),
        resolve=command_on("git align resolve", branch),
        key=secrets.token_urlsafe(16),
    )


@router.post("/repositories/{repository}/conflicts")
def find_conflicts(
    request: Request,
    repository: str,
    actor: Operator,
    key: Key,
    branch: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """The button that looks for conflicts, of all branches or with all about one of them."""
    service, body = service_of(request), NewConflicts(branch=branch or None)
    return led_to(posted(service, actor, request, (JobKind.CONFLICTS, body, {}), f"page-conflicts-{key}"))
