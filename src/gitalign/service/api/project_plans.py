"""The execution plan of a project as the original requests name it: `/api/projects/ID/execution-plan`, and what depends on what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from pydantic import Field

from gitalign.batches.planning.make_plan import PlanRules, PlanStrategy, judged, make_plan
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.plan_document import from_dict, require_consistent, to_dict
from gitalign.batches.planning.read_tasks import read_task_list, task_list_of
from gitalign.batches.planning.tasks import TaskList
from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind
from gitalign.documents.formats import json_text
from gitalign.errors import NotFound, UserError
from gitalign.service.access import Needs
from gitalign.service.api.batch_requests import PlanName, PlanText
from gitalign.service.api.requests import Body, said
from gitalign.service.identities import require_folder
from gitalign.service.problems import StateChanged
from gitalign.service.repeats import Once
from gitalign.service.state import Service, service_of
from gitalign.store.service.project_plans import ProjectPlans

router = APIRouter(prefix="/api/projects/{project}", tags=["projects"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
IfMatch = Annotated[str | None, Header(max_length=200)]
_HOW = "POST /api/projects/ID/execution-plan/build"
Assignments = Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=10_000)]
Overrides = Annotated[dict[str, dict[str, Any]], Field(max_length=10_000)]


class Building(Body):
    """A task list as a document, or as a text whose name says how it is written; without either, the plan is made again."""

    task_list: dict[str, Any] | None = None
    name: PlanName = "tasks.yaml"
    text: PlanText | None = None
    most_tasks: Annotated[int, Field(ge=1, le=10_000)] | None = None
    strategy: PlanStrategy = PlanStrategy.DEPENDENCY


class Patching(Body):
    """Work trees by task, and members of batches by number from 0."""

    worktree_assignments: Assignments = Field(default={})
    batch_overrides: Overrides = Field(default={})


class NoExecutionPlan(UserError):
    """A project has no plan."""

    code = "no_execution_plan"


def plan_text(service: Service, repository: str) -> str:
    """The plan of a project as JSON text.

    Raises:
        NoExecutionPlan
    """
    text = ProjectPlans(service.database).get(repository)
    if text is None:
        raise NoExecutionPlan("No execution plan found. Run initialization first.", hint=_HOW)
    return text


def _shown(service: Service, request: Request) -> tuple[str, dict[str, Any]]:
    try:
        text = plan_text(service, request.path_params["repository"])
    except NoExecutionPlan as error:
        raise NotFound(error.message, hint=error.hint, code=error.code) from error
    return text, json.loads(text)


def tag_of(text: str) -> str:
    """The entity tag of a plan."""
    return f'"{hashlib.sha256(text.encode("ascii", "backslashreplace")).hexdigest()}"'


def _answered(text: str, content: Mapping[str, Any]) -> Response:
    return Response(json_text(content), media_type="application/json", headers={"ETag": tag_of(text)})


@router.get("/execution-plan", responses=said("batch-plan"))
def show_plan(request: Request, project: str, actor: Viewer) -> Response:
    """The plan, and the `epics`: which tasks share a work tree."""
    text, plan = _shown(service_of(request), request)
    return _answered(text, {**plan, "epics": _epics(plan)})


@router.post("/execution-plan/build", responses=said("batch-plan"))
def build_plan(request: Request, project: str, body: Building, actor: Lander, once: Once) -> Response:
    """Make the plan of a task list, or make it again. Nothing of it runs."""
    service = service_of(request)
    repository = service.repositories.get(request.path_params["repository"])
    require_folder(JobKind.BATCH_PLAN, repository.url)
    service.settings.batches.policy().require_allowed()

    def built(known: str | None) -> str:
        tasks = _tasks(body, known)
        service.settings.batches.policy().require_harmless(tasks)
        rules = PlanRules(most_tasks=body.most_tasks, strategy=body.strategy)
        return _text(make_plan(tasks, project_id=UUID(repository.id), at=datetime.now(UTC), rules=rules))

    def build() -> Response:
        text = ProjectPlans(service.database).change(repository.name, built, actor=actor.name)
        plan = json.loads(text)
        return _answered(text, {**plan, "epics": _epics(plan)})

    return once.answered(actor, build)


def _tasks(body: Building, known: str | None) -> TaskList:
    if body.text is not None:
        return read_task_list(body.text, name=body.name)
    if body.task_list is not None:
        return task_list_of(body.task_list, name="task_list")
    listed = from_dict(json.loads(known)).task_list if known is not None else None
    if listed is None:
        raise UserError("no tasks are known", hint='give {"task_list": {"tasks": […]}}', code="no_tasks")
    return listed


@router.patch("/execution-plan", responses=said("batch-plan"))
def patch_plan(request: Request, project: str, body: Patching, actor: Lander, if_match: IfMatch = None) -> Response:
    """Change work trees and batches of the plan. A plan that could not be run as it is then is refused."""
    service = service_of(request)
    service.settings.batches.policy().require_allowed()

    def patched(known: str | None) -> str:
        if known is None:
            raise NotFound("No execution plan found", hint=_HOW, code="no_execution_plan")
        if if_match is not None and if_match != tag_of(known):
            raise StateChanged("the plan was changed meanwhile", hint="look at it, then change that one")
        return _text(_patched(json.loads(known), body))

    repository = request.path_params["repository"]
    text = ProjectPlans(service.database).change(repository, patched, actor=actor.name)
    plan = json.loads(text)
    return _answered(text, {**plan, "epics": _epics(plan)})


def _patched(plan: dict[str, Any], body: Patching) -> BatchPlan:
    batches = {str(one["batch_id"]): one for one in plan["batches"]}
    for number, members in body.batch_overrides.items():
        if number not in batches:
            raise NotFound(f"the plan has no batch {number[:20]}", hint="numbers begin at 0", code="unknown_batch")
        if "batch_id" in members:
            raise UserError("the number of a batch cannot be changed", hint="change task_ids instead")
        batches[number].update(members)
    plan["worktree_assignments"] = {**plan.get("worktree_assignments", {}), **body.worktree_assignments}
    read = from_dict(plan)
    require_consistent(read, name="the plan")
    changed = {"last_modified": datetime.now(UTC).isoformat(), "manually_modified": True}
    ready = judged(read)
    return replace(ready, metadata={**ready.metadata, **changed})


@router.get("/execution-plan/summary")
def summarize_plan(request: Request, project: str, actor: Viewer) -> Response:
    """How many tasks, batches and conflicts the plan has, and in which mode it runs."""
    text, plan = _shown(service_of(request), request)
    read = from_dict(plan)
    batches = [
        {
            "batch_id": one.batch_id,
            "task_count": len(one.task_ids),
            "can_parallel": one.can_parallel,
            "depends_on": list(one.depends_on),
        }
        for one in read.batches
    ]
    return _answered(
        text,
        {
            "project_id": str(read.project_id),
            "created_at": read.created_at.isoformat(),
            "total_tasks": read.total_tasks,
            "total_batches": len(read.batches),
            "parallel_batches": len(read.parallel_batches),
            "predicted_conflicts": len(read.predicted_conflicts),
            "execution_mode": plan.get("execution_mode"),
            "mode_reason": plan.get("mode_reason"),
            "issues": plan.get("issues", []),
            "batches": batches,
            "metadata": plan.get("metadata", {}),
        },
    )


@router.get("/dependencies/batches")
def show_dependencies(request: Request, project: str, actor: Viewer) -> Response:
    """Tasks in the order in which they can run, and what each of them needs."""
    text, plan = _shown(service_of(request), request)
    read = from_dict(plan)
    tasks = read.task_list.tasks if read.task_list is not None else ()
    known = {task.id for task in tasks}
    needs = {
        task.id: [{"task_id": one.task, "dependency_type": one.kind.value} for one in task.needs] for task in tasks
    }
    missing = sorted({one.task for task in tasks for one in task.needs} - known)
    return _answered(
        text,
        {
            "batches": [list(one.task_ids) for one in read.batches],
            "task_order": [task_id for one in read.batches for task_id in one.task_ids],
            "dependencies": needs,
            "circular_deps": [],
            "missing_deps": missing,
        },
    )


@router.get("/dependencies/critical-path")
def show_critical_path(request: Request, project: str, actor: Viewer) -> Response:
    """The longest chain of tasks that must run one after another."""
    text, plan = _shown(service_of(request), request)
    path = plan.get("critical_path", [])
    return _answered(text, {"critical_path": path, "length": len(path)})


def _text(plan: BatchPlan) -> str:
    return json_text(to_dict(plan))


def _epics(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tasks by the work tree that the plan assigns to them."""
    trees: dict[str, list[Any]] = {}
    for task_id, tree in plan.get("worktree_assignments", {}).items():
        trees.setdefault(str(tree), []).append(task_id)
    return [{"worktree": tree, "task_ids": tasks} for tree, tasks in sorted(trees.items())]
