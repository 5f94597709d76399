"""The routes that the original requests name: `/api/conflicts`, `/api/analysis`, `/api/resolution`.

They answer from the newest documents of a repository, in the words of those requests. Errors are responses, as all others.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.conflict_kinds import conflict_summary, severity_of, type_of
from gitalign.core.jobs import JobKind, JobState
from gitalign.core.names import command_on
from gitalign.documents.conflicts import load_conflict
from gitalign.errors import GitAlignError, NotFound
from gitalign.service.access import Needs, require_seen
from gitalign.service.api.requests import answer
from gitalign.service.problems import AnalysisError, ConflictDetectionError, ResolutionError
from gitalign.service.state import Service, service_of
from gitalign.store.service.jobs import WITH_A_REPORT, JobFilter

conflict_routes = APIRouter(tags=["original requests"])
analysis_routes = APIRouter(tags=["original requests"])
resolution_routes = APIRouter(tags=["original requests"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
RepositoryName = Annotated[str, Query(alias="repository", min_length=1, max_length=100)]


def register(app: FastAPI) -> None:
    """Add the three routers under the prefixes that were asked for."""
    app.include_router(conflict_routes, prefix="/api/conflicts")
    app.include_router(analysis_routes, prefix="/api/analysis")
    app.include_router(resolution_routes, prefix="/api/resolution")


def _newest(
    service: Service, repository: str, kinds: tuple[JobKind, ...], failure: type[GitAlignError]
) -> tuple[str, Any]:
    """Id and document of the newest job of these kinds.

    Raises:
        NotFound: there is no such repository, or no such job yet.
        GitAlignError: of the kind `failure`: the newest job failed.
    """
    service.repositories.get(repository)
    states = (JobState.DONE, JobState.FAILED)
    which = JobFilter(repositories=[repository], kinds=kinds, states=states)
    job = next((job for job, _ in service.jobs.listed(which, limit=1)), None)
    if job is None:
        raise NotFound(
            "nothing was found out yet", hint=f"POST /api/v1/repositories/{repository}/…", code="not_known_yet"
        )
    document = service.jobs.document(job.id)
    if job.error is not None or document is None:
        said = job.error or {"message": "it left no document", "hint": ""}
        raise failure(str(said["message"]), hint=str(said.get("hint", "")))
    return job.id, json.loads(document.body)


@conflict_routes.get("")
def list_conflicts(request: Request, name: RepositoryName, actor: Viewer) -> Response:
    """Conflicts of every branch with `file_path, conflict_type, severity`, and their summary."""
    require_seen(actor, name)
    job, document = _newest(service_of(request), name, (JobKind.CONFLICTS,), ConflictDetectionError)
    rows, kinds = [], []
    for branch in document["branches"]:
        for said in branch["conflict"]["conflicts"]:
            conflict = load_conflict(said)
            kind = type_of(conflict)
            for path in conflict.paths:
                kinds.append((path, kind))
                rows.append(
                    {
                        "branch": branch["branch"],
                        "target": branch["target"],
                        "file_path": path,
                        "conflict_type": kind.value,
                        "severity": severity_of(kind).value,
                        "resolution_status": "unresolved",
                    }
                )
    return answer({"job": job, "conflicts": rows, "summary": conflict_summary(kinds)})


@analysis_routes.get("")
def show_analysis(request: Request, name: RepositoryName, actor: Viewer) -> Response:
    """How many branches would align, conflict or stay, and each of them."""
    require_seen(actor, name)
    job, document = _newest(service_of(request), name, (JobKind.FORECAST,), AnalysisError)
    mine = [one for one in document["branches"] if one.get("assigned", True)]
    rows = [{"branch": one["branch"], "target": one["target"], "prospect": one["prospect"]} for one in mine]
    counts = Counter(one["prospect"] for one in mine)
    return answer({"job": job, "total": len(rows), "by_prospect": dict(counts), "branches": rows})


@resolution_routes.get("")
def show_resolution(request: Request, name: RepositoryName, actor: Viewer) -> Response:
    """What the newest run resolved by itself, and which branches are left to a person."""
    require_seen(actor, name)
    job, document = _newest(service_of(request), name, WITH_A_REPORT, ResolutionError)
    manual = [one["branch"] for one in document["branches"] if one["verdict"] == "conflicted"]
    attempts = sum(bool(one["outcome"].get("resolved")) for one in document["branches"])
    guidance = [command_on("git align resolve", branch) for branch in manual]
    return answer(
        {
            "job": job,
            "run_id": document["run"]["id"],
            "automated_resolution_attempts": attempts,
            "manual_resolution_required": manual,
            "resolution_guidance": guidance,
        }
    )
