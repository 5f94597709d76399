"""Work trees of a project as the original requests name them: `/api/projects/ID/worktrees`.

A request writes a job and waits for it, because the original answers say what came of it. One that takes longer than
`limits.wait_seconds` is answered with 202 and the job.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Job, JobKind
from gitalign.service.access import Needs
from gitalign.service.api.requests import Body, accepted, answer, written
from gitalign.service.problems import MEDIA_TYPE, problem_of_job
from gitalign.service.repeats import IdempotencyKey
from gitalign.service.state import Service, service_of

router = APIRouter(prefix="/api/projects/{project}/worktrees", tags=["projects"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
Epic = Annotated[int, Path(ge=0, le=10**9)]
_LOOKED_EVERY_S = 0.1


class Creating(Body):
    """A work tree for an epic."""

    epic_name: Annotated[str, Path(max_length=200)] = ""


class Merging(Body):
    """How the branch of an epic is merged into the target."""

    squash: bool = False


class Syncing(Body):
    """How the branch of an epic takes in the target."""

    strategy: Literal["merge", "rebase"] = "merge"


class Resolving(Body):
    """Which side counts where an epic conflicts with the target: `ours` is that of the epic."""

    strategy: Literal["ours", "theirs", "manual"] = "manual"


@router.get("")
async def list_work_trees(request: Request, project: str, actor: Viewer) -> Response:
    """Work trees of epics: `epic_id, path, branch, status, created_at, merged_at`."""
    return await _answered(request, actor, JobKind.WORK_TREE, "list")


@router.get("/{epic}")
async def show_work_tree(request: Request, project: str, epic: Epic, actor: Viewer) -> Response:
    """The work tree of an epic."""
    return await _answered(request, actor, JobKind.WORK_TREE, "show", epic)


@router.get("/{epic}/conflicts")
async def show_conflicts(request: Request, project: str, epic: Epic, actor: Viewer) -> Response:
    """Where the branch of an epic conflicts with its target: `file, status, details`."""
    return await _answered(request, actor, JobKind.WORK_TREE, "conflicts", epic)


@router.post("/{epic}/create")
async def create_work_tree(
    request: Request, project: str, epic: Epic, body: Creating, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """A new work tree on a new branch, from where the target stands; 409 when there is one."""
    return await _answered(request, actor, JobKind.WORK_TREE_CHANGE, "create", epic, (body, idempotency_key))


@router.post("/{epic}/merge")
async def merge_work_tree(
    request: Request, project: str, epic: Epic, body: Merging, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """Merge the branch of an epic into the target, all of it or nothing; 409 when it conflicts."""
    return await _answered(request, actor, JobKind.WORK_TREE_CHANGE, "merge", epic, (body, idempotency_key))


@router.post("/{epic}/sync")
async def sync_work_tree(
    request: Request, project: str, epic: Epic, body: Syncing, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """Have the branch of an epic take in the target; with a conflict it stays as it was."""
    return await _answered(request, actor, JobKind.WORK_TREE_CHANGE, "sync", epic, (body, idempotency_key))


@router.post("/{epic}/resolve")
async def resolve_work_tree(
    request: Request, project: str, epic: Epic, body: Resolving, actor: Lander, idempotency_key: IdempotencyKey = None
) -> Response:
    """Have one side count wherever an epic conflicts with its target, or leave it to a person."""
    return await _answered(request, actor, JobKind.WORK_TREE_CHANGE, "resolve", epic, (body, idempotency_key))


@router.delete("/{epic}")
async def remove_work_tree(request: Request, project: str, epic: Epic, actor: Lander) -> Response:
    """Remove a work tree that holds nothing of value; 409 otherwise."""
    return await _answered(request, actor, JobKind.WORK_TREE_CHANGE, "remove", epic)


async def _answered(
    request: Request,
    actor: Actor,
    kind: JobKind,
    action: str,
    epic: int | None = None,
    given: tuple[Body, str | None] | None = None,
) -> Response:
    service = service_of(request)
    about: dict[str, Any] = {"action": action} | ({} if epic is None else {"epic": epic})
    body, key = given or (Body(), None)
    job, is_new = await asyncio.to_thread(written, service, actor, request, (kind, body, about), key)
    ended = await _ended(service, job)
    if not ended.state.is_over:
        return accepted(ended, is_new=is_new)
    if ended.error is not None:
        content = problem_of_job(ended, instance=request.url.path)
        return JSONResponse(content, status_code=content["status"], media_type=MEDIA_TYPE)
    document = await asyncio.to_thread(service.jobs.document, ended.id)
    said = None if document is None else json.loads(document.body)["answer"]
    headers = {"X-Job": ended.id}
    return answer(said, headers=headers)


async def _ended(service: Service, job: Job) -> Job:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + service.settings.limits.wait_seconds
    while not job.state.is_over and loop.time() < deadline:
        await asyncio.sleep(_LOOKED_EVERY_S)
        job = await asyncio.to_thread(service.jobs.get, job.id)
    return job
