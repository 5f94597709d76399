"""Branches of a repository as jobs last saw them.

The newest jobs about all branches decide; newer ones about some branches count for those that they name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.core.plan import StepKind
from gitalign.documents.formats import stamped
from gitalign.documents.models.service import BranchesDocument, BranchRowDocument
from gitalign.documents.reading import time_text
from gitalign.service.contents import content_of
from gitalign.service.standpoints import (
    MOVED_SINCE,
    MOVING_ONLY,
    Standpoint,
    holds,
    is_gone,
    newest_word,
    targets_after,
    targets_in,
    tips_after,
)
from gitalign.store.service.jobs import WITH_A_REPORT, JobFilter, Jobs

_KEPT = 64
"""Tables of branches kept in memory: to read the documents of 650 branches takes 25 ms of processor time."""

_REPORTING = (*WITH_A_REPORT, JobKind.RESTORE, JobKind.RESOLVE)
"""Kinds whose document can be a report: of a resolution, of its last step. The first one alone can be about all branches."""
_OVER = (JobState.DONE, JobState.STOPPED)
"""A run that was stopped may have moved branches before."""
_NOTHING_TO_DO = (StepKind.UP_TO_DATE, StepKind.LEAVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The newest jobs that know a branch; None where none does. A forecast holds until the branch or its target moves."""

    plan: Job | None
    forecast: Job | None
    run: Job | None
    forecast_holds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBranches:
    """What is known of the branches of a repository.

    Attributes:
        plan: the job that made the newest plan of all branches; of some, when there is none of all.
        forecast: the newest forecast, chosen in the same way; None when there is none.
        run: the newest run, undo or resume, chosen in the same way.
        rows: by name of the branch.
        sources: by name of the branch.
        is_whole: false when every job so far was about some branches only.
        looked_at: branches that a forecast, conflicts or a run named.
    """

    plan: Job
    forecast: Job | None
    run: Job | None
    rows: Mapping[str, BranchRowDocument]
    sources: Mapping[str, Sources]
    is_whole: bool
    looked_at: frozenset[str]

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


@dataclass(slots=True)
class _Table:
    """Entries by branch, each with the job that it is of."""

    entries: dict[str, tuple[Mapping[str, Any], Job]] = field(default_factory=dict)

    def of(self, branch: str) -> tuple[Mapping[str, Any], Job | None]:
        return self.entries.get(branch, ({}, None))


def seen_branches(jobs: Jobs, repository: str) -> SeenBranches | None:
    """Branches of a repository; None before its first plan.

    Args:
        jobs: of the service.
        repository: by name.
    """
    kinds = ([JobKind.PLAN], [JobKind.FORECAST], _REPORTING, [JobKind.CONFLICTS])
    chains = tuple(_chain(jobs, repository, kind) for kind in kinds)
    chains += (_movers(jobs, repository),)
    return _seen(jobs, chains) if chains[0] else None


def _chain(jobs: Jobs, repository: str, kinds: Sequence[JobKind]) -> tuple[Job, ...]:
    """Jobs that were carried out, oldest first, from the newest one about all branches on."""
    which = JobFilter(repositories=[repository], kinds=kinds, states=[JobState.DONE])
    whole = jobs.newest_whole(repository, kinds[0], is_whole=lambda job: _is_whole(jobs, job))
    if JobKind.RUN in kinds:
        which = replace(which, states=_OVER)
    return tuple(reversed([job for job, _ in jobs.since(which, whole)]))


def _movers(jobs: Jobs, repository: str) -> tuple[Job, ...]:
    """Jobs that moved targets or deleted branches since the newest plan of all branches, oldest first."""
    plan = jobs.newest_whole(repository, JobKind.PLAN, is_whole=lambda job: _is_whole(jobs, job))
    which = JobFilter(repositories=[repository], kinds=MOVING_ONLY, states=_OVER)
    return tuple(reversed([job for job, _ in jobs.since(which, plan)]))


def _is_whole(jobs: Jobs, job: Job) -> bool:
    """Whether a job was about all branches. An undo or a resume counts for what it names."""
    if job.kind not in _REPORTING:
        return not job.is_narrowed
    made = None if job.kind is not JobKind.RUN or not job.plan_id else jobs.of_plan(job.repository, job.plan_id)
    return made is not None and not made.is_narrowed


def _ids(jobs: Jobs, chains: Sequence[Sequence[Job]]) -> tuple[tuple[str, ...], ...]:
    """What rows are kept under: the documents of jobs that are over never change, and ids are random."""
    return tuple(tuple(job.id for job in chain) for chain in chains)


@cached(LRUCache(_KEPT), key=_ids, lock=Lock())
def _seen(jobs: Jobs, chains: Sequence[Sequence[Job]]) -> SeenBranches | None:
    planned, foreseen, ran, stopping, moving = chains
    steps, prospects, verdicts = _steps(jobs, planned), _by_branch(jobs, foreseen), _by_branch(jobs, ran)
    if not steps.entries and all(content_of(jobs, job) is None for job in planned):
        return None
    _add_foreseen(jobs, steps, prospects, (planned, foreseen))
    conflicts = _conflicts(jobs, stopping, steps.entries)
    owners = {one["branch"]: one for job in foreseen for one in (content_of(jobs, job) or {}).get("owners", ())}
    tips = {job.id: tips_after(jobs, job) for job in ran}
    moved = [(job, tips_after(jobs, job), targets_after(jobs, job)) for job in moving]
    rows, sources, looked_at = {}, {}, set()
    for name, (step, made_by) in sorted(steps.entries.items()):
        prospect, verdict, conflict = prospects.of(name), verdicts.of(name), conflicts.of(name)
        planned_at = _standpoint(jobs, made_by, "", step.get("seen"), step["target"])
        known = [planned_at]
        known += [
            Standpoint(job=job, tip=gone.get(name), target=landed.get(step["target"])) for job, gone, landed in moved
        ]
        if conflict[1] is not None:
            word, tip = conflict[0]["prospect"], conflict[0].get("tip")
            known.append(_standpoint(jobs, conflict[1], word, tip, step["target"]))
        if prospect[1] is not None:
            foreseen_at = _standpoint(jobs, prospect[1], prospect[0]["prospect"], prospect[0]["tip"], step["target"])
            known.append(foreseen_at)
        if verdict[1] is not None:
            word = verdict[0]["verdict"] if verdict[1].state is JobState.DONE else ""
            known.append(_standpoint(jobs, verdict[1], word, tips[verdict[1].id].get(name), step["target"]))
        if is_gone(known):
            continue
        newest, is_looked_at = newest_word(known), any(one.word for one in known)
        state = newest.word if newest is not None else MOVED_SINCE if is_looked_at else step["kind"]
        if state == MOVED_SINCE and step["kind"] in _NOTHING_TO_DO and max(known, key=_read_at) is planned_at:
            state = step["kind"]
        rows[name] = _row(step, (prospect[0], verdict[0], owners.get(name, {})), state=state)
        plan = made_by if made_by.kind is JobKind.PLAN else None
        sources[name] = Sources(
            plan=plan,
            forecast=prospect[1],
            run=verdict[1],
            forecast_holds=prospect[1] is not None and holds(foreseen_at, known),
        )
        if newest is not None:
            looked_at.add(name)
    return SeenBranches(
        plan=_deciding(planned) or planned[-1],
        forecast=_deciding(foreseen),
        run=None if not ran else ran[0] if _is_whole(jobs, ran[0]) else ran[-1],
        rows=rows,
        sources=sources,
        is_whole=any(not chain[0].is_narrowed for chain in (planned, foreseen) if chain),
        looked_at=frozenset(looked_at),
    )


def _deciding(chain: Sequence[Job]) -> Job | None:
    """The job about all branches; the newest one when there is none."""
    return None if not chain else chain[-1] if chain[0].is_narrowed else chain[0]


def _ended(job: Job) -> datetime:
    return job.finished_at or job.created_at


def _read_at(standpoint: Standpoint) -> datetime:
    return standpoint.began


def _standpoint(jobs: Jobs, job: Job, word: str, tip: str | None, target: str) -> Standpoint:
    return Standpoint(job=job, word=word, tip=tip, target=targets_in(content_of(jobs, job) or {}).get(target))


def _steps(jobs: Jobs, chain: Sequence[Job]) -> _Table:
    table = _Table()
    for job in chain:
        for step in (content_of(jobs, job) or {}).get("steps", ()):
            entry = {**step, "branch": step["branch"]["name"], "target": step["target"]["name"]}
            table.entries[entry["branch"]] = (entry, job)
    return table


def _add_foreseen(jobs: Jobs, steps: _Table, prospects: _Table, chains: tuple[Sequence[Job], Sequence[Job]]) -> None:
    """Add branches that a forecast saw after the newest plan of all branches was made, or where there is no such plan."""
    whole = next((job for job in chains[0] if not job.is_narrowed), None)
    for name, (prospect, job) in prospects.entries.items():
        if name not in steps.entries and (whole is None or _ended(job) > _ended(whole)):
            steps.entries[name] = ({**prospect, "seen": prospect["tip"], "notes": ()}, job)


def _conflicts(jobs: Jobs, chain: Sequence[Job], names: Mapping[str, Any]) -> _Table:
    table = _Table()
    for job in chain:
        content = content_of(jobs, job) or {}
        stopped = {one["branch"]: one["tip"] for one in content.get("branches", ())}
        if not job.is_narrowed and content.get("is_complete") and content["aligned"] + len(stopped) == len(names):
            table.entries = {name: ({"prospect": "clean"}, job) for name in names}
        table.entries |= {name: ({"prospect": "conflict", "tip": tip}, job) for name, tip in stopped.items()}
    return table


def _row(step: Mapping[str, Any], known: tuple[Mapping[str, Any], ...], *, state: str) -> BranchRowDocument:
    prospect, verdict, owner = known
    return {
        "branch": step["branch"],
        "target": step["target"],
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


def _by_branch(jobs: Jobs, chain: Sequence[Job]) -> _Table:
    """Entries of forecasts or reports; of several targets that a forecast tried, the assigned one counts."""
    table = _Table()
    for job in chain:
        rows = (content_of(jobs, job) or {}).get("branches", ())
        table.entries |= {one["branch"]: (one, job) for one in rows if one.get("assigned", True)}
    return table
