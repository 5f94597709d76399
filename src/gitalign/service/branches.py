"""Branches of a repository as jobs last saw them: the newest plan, what a forecast and a run said since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached

from gitalign.core.jobs import Job, JobKind
from gitalign.documents.formats import stamped
from gitalign.documents.models.service import BranchesDocument, BranchRowDocument
from gitalign.documents.reading import time_text
from gitalign.service.contents import content_of
from gitalign.store.service.jobs import WITH_A_REPORT, Jobs

_KEPT = 64
"""Tables of branches kept in memory: to read the documents of 650 branches takes 25 ms of processor time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBranches:
    """What is known of the branches of a repository.

    Attributes:
        plan: the job that made the newest plan.
        forecast: the newest forecast; None when there is none.
        run: the newest run, undo or resume.
        rows: by name of the branch.
    """

    plan: Job
    forecast: Job | None
    run: Job | None
    rows: Mapping[str, BranchRowDocument]

    def document(self, rows: Sequence[BranchRowDocument], *, next_page: str | None) -> dict[str, Any]:
        """A page of branches as a document."""
        content: BranchesDocument = {
            "repository": self.plan.repository,
            "plan_job": self.plan.id,
            "planned_at": time_text(self.plan.finished_at or self.plan.created_at),
            "forecast_job": None if self.forecast is None else self.forecast.id,
            "run_job": None if self.run is None else self.run.id,
            "branches": list(rows),
            "next": next_page,
        }
        return stamped("branches", content)


def seen_branches(jobs: Jobs, repository: str) -> SeenBranches | None:
    """Branches of a repository; None before its first plan.

    Args:
        jobs: of the service.
        repository: by name.
    """
    plan = jobs.newest(repository, [JobKind.PLAN])
    if plan is None:
        return None
    forecast, run = jobs.newest(repository, [JobKind.FORECAST]), jobs.newest(repository, WITH_A_REPORT)
    rows = _rows(jobs, plan, forecast, run)
    return None if rows is None else SeenBranches(plan=plan, forecast=forecast, run=run, rows=rows)


def _ids(jobs: Jobs, *of: Job | None) -> tuple[str | None, ...]:
    """What rows are kept under: the documents of jobs that are over never change, and ids are random."""
    return tuple(None if job is None else job.id for job in of)


@cached(LRUCache(_KEPT), key=_ids, lock=Lock())
def _rows(jobs: Jobs, plan: Job, forecast: Job | None, run: Job | None) -> Mapping[str, BranchRowDocument] | None:
    document = content_of(jobs, plan)
    if document is None:
        return None
    owners = {one["branch"]: one for one in (content_of(jobs, forecast) or {}).get("owners", ())}
    prospects, verdicts = _by_branch(jobs, forecast), _by_branch(jobs, run)
    is_run_newer = run is not None and (forecast is None or _ended(run) > _ended(forecast))
    rows = {}
    for step in document["steps"]:
        name = step["branch"]["name"]
        prospect, verdict = prospects.get(name, {}), verdicts.get(name, {})
        words = (verdict.get("verdict"), prospect.get("prospect"))
        newest = next(filter(None, words if is_run_newer else words[::-1]), step["kind"])
        rows[name] = _row(step, (prospect, verdict, owners.get(name, {})), state=newest)
    return dict(sorted(rows.items()))


def _ended(job: Job) -> datetime:
    return job.finished_at or job.created_at


def _row(step: Mapping[str, Any], known: tuple[Mapping[str, Any], ...], *, state: str) -> BranchRowDocument:
    prospect, verdict, owner = known
    return {
        "branch": step["branch"]["name"],
        "target": step["target"]["name"],
        "state": state,
        "kind": step["kind"],
        "behind": step["behind"],
        "own_commits": step["own_commits"],
        "forecast": prospect.get("prospect"),
        "verdict": verdict.get("verdict"),
        "detail": verdict.get("detail") or "",
        "notes": list(step["notes"]),
        "authors": [author["name"] or author["email"] for author in owner.get("authors", ())],
        "last_commit_at": owner.get("last_commit_at"),
    }


def _by_branch(jobs: Jobs, job: Job | None) -> Mapping[str, Mapping[str, Any]]:
    """Entries of a forecast or a report by branch; of several targets that a forecast tried, the assigned one counts."""
    document = content_of(jobs, job)
    if document is None:
        return {}
    return {one["branch"]: one for one in document["branches"] if one.get("assigned", True)}
