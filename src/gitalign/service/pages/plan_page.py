"""Plans: a list, one to review and run, and what differs between two."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.errors import NotFound
from gitalign.service.api.requests import NewRun, PlanId, posted
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_number, page_of
from gitalign.service.pages.page_route import Key, Lander, PageRoute, Viewer, led_to
from gitalign.service.pages.plan_diff import PlanDiff, plan_diff
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter, Jobs

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_STEPS = 150
_PLANS = 50
_MOST_NAMED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLook:
    """A plan to review.

    Attributes:
        job: that made it.
        plan: its document.
        is_newest: no newer one was made.
        earlier: the plan that was made before it; None for the first.
        kinds: how many branches need what.
        refused: how many are refused.
    """

    job: Job
    plan: Any
    is_newest: bool
    earlier: Job | None
    kinds: Mapping[str, int]
    refused: int

    @property
    def can_push(self) -> bool:
        """True when the plan says where branches are pushed to."""
        return any(step["push_to"] for step in self.plan["steps"])


def plan_look(jobs: Jobs, repository: str, plan_id: str) -> PlanLook:
    """A plan to review.

    Raises:
        NotFound
    """
    job, plan = _plan(jobs, repository, plan_id)
    newest = jobs.newest(repository, [JobKind.PLAN])
    return PlanLook(
        job=job,
        plan=plan,
        is_newest=newest is not None and newest.plan_id == plan_id,
        earlier=_before(jobs, repository, plan_id),
        kinds=dict(Counter(step["kind"] for step in plan["steps"]).most_common()),
        refused=sum(bool(step["refusal"]) for step in plan["steps"]),
    )


def _plan(jobs: Jobs, repository: str, plan_id: str) -> tuple[Job, Any]:
    job = jobs.of_plan(repository, plan_id)
    content = content_of(jobs, job)
    if job is None or content is None:
        raise NotFound(f"no plan {plan_id[:64]} of {repository}", code="unknown_plan")
    return job, content


def _made_plans(repository: str) -> JobFilter:
    return JobFilter(repositories=[repository], kinds=[JobKind.PLAN], states=[JobState.DONE])


def _before(jobs: Jobs, repository: str, plan_id: str) -> Job | None:
    """The newest job that made another plan before this one; of several jobs that made this one, before the newest."""
    newer = set()

    def is_earlier(job: Job) -> bool:
        newer.add(job.plan_id)
        return job.plan_id != plan_id and plan_id in newer

    return jobs.first(_made_plans(repository), wanted=is_earlier)


@router.get("/repositories/{repository}/plans")
def list_plans(request: Request, repository: str, actor: Viewer) -> Response:
    """Plans, newest first, and a form that compares two."""
    service = service_of(request)
    service.repositories.get(repository)
    query = request.query_params
    made, older = page_of(service.jobs, _made_plans(repository), query, rows=_PLANS)
    plans = [*{job.plan_id: job for job in reversed(made)}.values()][::-1]
    diff = None
    if query.get("before") and query.get("after"):
        diff = _difference(service.jobs, repository, query["before"], query["after"])
    return page(
        request,
        "plans.html",
        actor=actor,
        repository=repository,
        plans=plans,
        diff=diff,
        before=query.get("before", plans[1].plan_id if len(plans) > 1 else ""),
        after=query.get("after", plans[0].plan_id if plans else ""),
        older=older,
        most=_MOST_NAMED,
        key=secrets.token_urlsafe(16),
    )


def _difference(jobs: Jobs, repository: str, before: str, after: str) -> PlanDiff:
    (_, old), (_, new) = _plan(jobs, repository, before), _plan(jobs, repository, after)
    return plan_diff(old, new)


@router.get("/repositories/{repository}/plans/{plan_id}")
def show_plan(request: Request, repository: str, plan_id: str, actor: Viewer) -> Response:
    """A plan to review, and the button that runs it."""
    service = service_of(request)
    look = plan_look(service.jobs, repository, plan_id)
    kind = request.query_params.get("kind", "")
    steps = [
        step for step in look.plan["steps"] if kind in ("", step["kind"]) or (kind == "refused" and step["refusal"])
    ]
    pages = max(1, -(-len(steps) // _STEPS))
    number = min(page_number(request.query_params), pages)
    return page(
        request,
        "plan.html",
        actor=actor,
        repository=repository,
        look=look,
        steps=steps[(number - 1) * _STEPS : number * _STEPS],
        total=len(steps),
        kind=kind if kind in (*look.kinds, "refused") else "",
        number=number,
        pages=pages,
        most=_MOST_NAMED,
        key=secrets.token_urlsafe(16),
    )


@router.post("/repositories/{repository}/plans/{plan_id}/run")
def run(
    request: Request,
    repository: str,
    plan_id: PlanId,
    actor: Lander,
    key: Key,
    push: Annotated[bool, Form()] = False,
) -> Response:
    """The button that runs a plan."""
    service = service_of(request)
    _plan(service.jobs, repository, plan_id)
    body = NewRun(plan_id=plan_id, push=push)
    return led_to(posted(service, actor, request, (JobKind.RUN, body, {}), f"page-run-{key}"))
