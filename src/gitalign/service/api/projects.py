"""Running the plan of a project as the original requests name it: `/api/projects/ID/parallel`. A project is a repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from gitalign.batches.planning.plan_document import from_dict
from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import Asked, Job, JobKind, JobState
from gitalign.errors import NotFound, UserError
from gitalign.service.access import Needs
from gitalign.service.api.batches import RUNS
from gitalign.service.api.project_plans import plan_text
from gitalign.service.api.requests import Body, answer, require_own_branches, written
from gitalign.service.repeats import IdempotencyKey, Once
from gitalign.service.state import Service, service_of
from gitalign.store.service.jobs import JobFilter
from gitalign.store.service.project_plans import ProjectPlans

router = APIRouter(prefix="/api/projects/{project}/parallel", tags=["projects"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
Number = Annotated[int, Path(ge=1, le=10_000)]


class Starting(Body):
    """A run of the plan of a project."""

    again: bool = False


@router.post("/start")
def start(
    request: Request, project: str, actor: Lander, body: Starting | None = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Start the plan. 400 without one, 404 without the project, 409 while it runs: of two requests at once one starts it."""
    service = service_of(request)
    require_own_branches(service, request, JobKind.BATCH_RUN)
    service.settings.batches.policy().require_allowed()
    text = plan_text(service, request.path_params["repository"])
    plan = from_dict(json.loads(text))
    service.settings.batches.policy().require_harmless(plan.task_list)
    if plan.task_list is None and not plan.metadata.get("task_list"):
        raise UserError(
            "the plan does not say how its tasks are run", hint="POST …/execution-plan/build", code="plan_unusable"
        )
    new = (JobKind.BATCH_RUN, body or Starting(), {"project": True})
    job, is_new = written(service, actor, request, new, idempotency_key, text=text)
    headers = {"Location": f"/api/v1/jobs/{job.id}"} | ({} if is_new else {"Idempotent-Replayed": "true"})
    return answer(
        {
            "status": "started",
            "message": "Parallel execution initiated",
            "project_id": _id(service, request),
            "job": job.id,
        },
        headers=headers,
    )


@router.get("/status")
def status(request: Request, project: str, actor: Viewer) -> Response:
    """How the plan stands, or how its newest run ended."""
    service = service_of(request)
    repository = request.path_params["repository"]
    text = ProjectPlans(service.database).get(repository)
    job, run = _newest(service, repository)
    is_running = job is not None and not job.state.is_over
    is_paused = is_running and job is not None and job.asked == Asked.PAUSE
    tasks: Mapping[str, Any] = run.get("tasks", {})
    running = [{"task_id": name, **_times(one)} for name, one in tasks.items() if one["status"] == "running"]
    planned = json.loads(text) if text is not None else None
    batches = run.get("batches") or (planned or {}).get("batches", [])
    return answer(
        {
            "execution_mode": _mode(job, run, planned),
            "is_running": is_running,
            "is_paused": is_paused,
            "parallel_started_at": run.get("started_at"),
            "parallel_completed_at": run.get("finished_at"),
            "batches_total": len(batches),
            "current_batch": run.get("current_batch"),
            "completed_batches": run.get("completed_batches", 0),
            "execution_plan": planned,
            "running_agents": running,
            "batch_statuses": _rows(service, request, run, planned),
            "total_cost": 0.0,
            "parallel_result": _result(job, run),
            "parallel_error": None if job is None or job.error is None else job.error["message"],
            "job": None if job is None else job.id,
            "batch_run": run.get("id"),
        }
    )


@router.post("/stop")
def stop(request: Request, project: str, actor: Operator, once: Once) -> Response:
    """Start no further task, and end when those that run have ended; 400 when nothing runs."""
    service = service_of(request)

    def ask() -> Response:
        job = _under_way(service, request)
        if job is None:
            raise UserError("Parallel execution is not running", hint="POST …/parallel/start", code="batch_not_running")
        service.jobs.request_stop(job.id, actor=actor.name)
        return answer({"status": "stopping", "message": "Stop requested"})

    return once.answered(actor, ask, is_harmless_again=True)


@router.post("/pause")
def pause(request: Request, project: str, actor: Operator, once: Once) -> Response:
    """Start no further task; 404 when nothing runs."""
    service = service_of(request)

    def ask() -> Response:
        service.jobs.ask(_running(service, request).id, Asked.PAUSE, actor=actor.name)
        return answer({"status": "paused", "message": "Parallel execution paused"})

    return once.answered(actor, ask, is_harmless_again=True)


@router.post("/resume")
def resume(request: Request, project: str, actor: Lander, once: Once) -> Response:
    """Go on with what was paused or stopped; 404 when there is nothing."""
    return once.answered(actor, lambda: _resumed(request, actor))


def _resumed(request: Request, actor: Actor) -> Response:
    service = service_of(request)
    require_own_branches(service, request, JobKind.BATCH_RESUME)
    job = _under_way(service, request)
    if job is not None:
        service.jobs.ask(job.id, Asked.NOTHING, actor=actor.name)
    else:
        service.settings.batches.policy().require_allowed()
        last, run = _newest(service, request.path_params["repository"])
        if last is None or last.state is not JobState.STOPPED or not run:
            raise _nothing_runs()
        about = {"run_id": run["id"], "project": True}
        job, _ = written(service, actor, request, (JobKind.BATCH_RESUME, Body(), about), None)
    return answer({"status": "resuming", "message": "Parallel execution resuming", "job": job.id})


@router.post("/cancel")
def cancel(request: Request, project: str, actor: Operator, once: Once) -> Response:
    """End what runs; everything is pinned. 404 when nothing runs."""
    service = service_of(request)

    def ask() -> Response:
        service.jobs.request_stop(_running(service, request).id, actor=actor.name, asked=Asked.CANCEL)
        return answer({"status": "cancelled", "message": "Parallel execution cancelled"})

    return once.answered(actor, ask, is_harmless_again=True)


@router.get("/batches")
def list_batches(request: Request, project: str, actor: Viewer) -> Response:
    """Batches of the newest run, else of the plan."""
    rows = _all_rows(service_of(request), request)
    return answer({"batches": rows, "total_batches": len(rows)})


@router.get("/batches/{number}")
def show_batch(request: Request, project: str, number: Number, actor: Viewer) -> Response:
    """One batch, by its number from 1."""
    row = next((one for one in _all_rows(service_of(request), request) if one["batch_number"] == number), None)
    if row is None:
        raise NotFound(f"there is no batch {number}", hint="GET …/parallel/batches", code="unknown_batch")
    return answer({"batch": row})


def _newest(service: Service, repository: str) -> tuple[Job | None, dict[str, Any]]:
    """The newest job that carries batches out, and how its run stands."""
    which = JobFilter(repositories=[repository], kinds=RUNS)
    job = next((one for one, _ in service.jobs.listed(which, limit=1)), None)
    document = None if job is None else service.jobs.document(job.id)
    return job, {} if document is None else json.loads(document.body)


def _under_way(service: Service, request: Request) -> Job | None:
    which = JobFilter(
        repositories=[request.path_params["repository"]], kinds=RUNS, states=[JobState.QUEUED, JobState.RUNNING]
    )
    return next((one for one, _ in service.jobs.listed(which, limit=1)), None)


def _running(service: Service, request: Request) -> Job:
    job = _under_way(service, request)
    if job is None:
        raise _nothing_runs()
    return job


def _nothing_runs() -> NotFound:
    return NotFound("No parallel execution is running", hint="POST …/parallel/start", code="batch_not_running")


def _mode(job: Job | None, run: Mapping[str, Any], planned: Mapping[str, Any] | None) -> str:
    """As the original requests call it."""
    if job is None or job.state is JobState.STOPPED:
        return str((planned or {}).get("execution_mode") or "sequential")
    if not job.state.is_over:
        return "paused" if job.asked == Asked.PAUSE else "parallel_running"
    return "parallel_completed" if run.get("status") == "completed" else "parallel_failed"


def _result(job: Job | None, run: Mapping[str, Any]) -> dict[str, Any] | None:
    if job is None or not job.state.is_over or not run:
        return None
    return {
        "success": run["status"] == "completed",
        "status": run["status"],
        "batches_completed": run["completed_batches"],
        "batches_total": run["batches_total"],
        "stopped_early": run["status"] in ("stopped", "cancelled"),
    }


def _all_rows(service: Service, request: Request) -> list[dict[str, Any]]:
    repository = request.path_params["repository"]
    text = ProjectPlans(service.database).get(repository)
    planned = json.loads(text) if text is not None else None
    return _rows(service, request, _newest(service, repository)[1], planned)


def _rows(
    service: Service, request: Request, run: Mapping[str, Any], planned: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    project_id = _id(service, request)
    plan = run.get("plan") or planned or {}
    progress = run.get("batches", [])
    rows = []
    for at, batch in enumerate(plan.get("batches", [])):
        known: Mapping[str, Any] = progress[at] if at < len(progress) else {}
        outcome = known.get("outcome") or {}
        rows.append(
            {
                "batch_number": at + 1,
                "batch_id": at,
                "project_id": project_id,
                "status": known.get("status", "pending"),
                "task_ids": batch["task_ids"],
                "can_parallel": batch.get("can_parallel", True),
                "depends_on": batch.get("depends_on", []),
                "started_at": known.get("started_at"),
                "completed_at": known.get("finished_at"),
                "created_at": plan.get("created_at"),
                "merge_status": outcome.get("merge_status"),
                "errors": [text for text in (known.get("reason"), outcome.get("reason")) if text],
            }
        )
    return rows


def _times(task: Mapping[str, Any]) -> dict[str, Any]:
    return {"started_at": task.get("started_at"), "attempts": task.get("attempts")}


def _id(service: Service, request: Request) -> str:
    return str(UUID(service.repositories.get(request.path_params["repository"]).id))
