"""Whether what a job found out about a branch still holds: where the branch and its target stood then, and where they stand now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitalign.core.jobs import Job, JobKind
from gitalign.core.names import is_zero
from gitalign.service.contents import content_of
from gitalign.store.service.jobs import Jobs

MOVED_SINCE = "moved_since"
"""State of a branch that was not looked at since it or its target moved."""
MOVING_ONLY = (
    *(JobKind.BATCH_RUN, JobKind.BATCH_RESUME, JobKind.BATCH_RETRY, JobKind.BATCH_LAND, JobKind.BATCH_UNDO),
    JobKind.PRUNE_MERGED,
)
"""Kinds that move targets or delete branches, and say nothing of whether branches align."""
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What a job saw of a branch.

    Attributes:
        job: that looked.
        word: what it found out; empty when it only saw where the branch stands.
        tip: where the branch stood, or stands since the job; None where the document does not say.
        target: where its target stood; None where the document does not say.
    """

    job: Job
    word: str = ""
    tip: str | None
    target: str | None

    @property
    def began(self) -> datetime:
        """The branch was not read before this."""
        return self.job.started_at or self.job.created_at

    @property
    def ended(self) -> datetime:
        """The branch was not read after this."""
        return self.job.finished_at or self.job.created_at


def newest_word(standpoints: Sequence[Standpoint]) -> Standpoint | None:
    """What was found out last and still holds; None when nothing does."""
    holding = [one for one in standpoints if one.word and holds(one, standpoints)]
    return max(holding, key=lambda one: one.ended, default=None)


def is_gone(standpoints: Sequence[Standpoint]) -> bool:
    """Whether the newest job that saw the branch deleted it."""
    newest = next((one for one in _newest_first(standpoints) if one.tip is not None), None)
    return newest is not None and newest.tip is not None and is_zero(newest.tip)


def holds(word: Standpoint, standpoints: Sequence[Standpoint]) -> bool:
    """Whether no job that ended after this one began saw another commit of the branch or its target."""
    later = [one for one in standpoints if one.ended > word.began and one is not word]
    earlier = [one for one in standpoints if one.ended <= word.began]
    tip = _known(word.tip, (one.tip for one in _newest_first(earlier)))
    target = _known(word.target, (one.target for one in _newest_first(earlier)))
    return all(one.tip in (None, tip) and one.target in (None, target) for one in later)


def _newest_first(standpoints: Iterable[Standpoint]) -> list[Standpoint]:
    return sorted(standpoints, key=lambda one: one.ended, reverse=True)


def _known(value: str | None, others: Iterable[str | None]) -> str | None:
    return value if value is not None else next((one for one in others if one is not None), None)


def targets_in(content: Mapping[str, Any]) -> Mapping[str, str]:
    """Targets of a plan, a forecast, conflicts or a report: where each stood, by name."""
    return {one["name"]: one["oid"] for one in content.get("targets", ())}


def tips_after(jobs: Jobs, job: Job) -> Mapping[str, str]:
    """Where branches of a report stand after its run; those that it did not move where its plan saw them."""
    report = content_of(jobs, job) or {}
    tips = {}
    plan = _plan_of(jobs, job)
    for step in (plan or {}).get("steps", ()):
        tips[step["branch"]["name"]] = step["seen"]
    for move in report.get("moves", ()):
        is_moved_there = move["state"] == "stands" and move["push"] == "pushed"
        ref = move["remote_ref"] if is_moved_there else move["update"]["ref"]
        after = move["remote_after"] if is_moved_there else move["update"]["after"]
        if (is_moved_there or move["state"] == "moved") and ref and after and ref.startswith(_HEADS):
            tips[ref.removeprefix(_HEADS)] = after
    return tips


def targets_after(jobs: Jobs, job: Job) -> Mapping[str, str]:
    """Where a target stands since a batch landed or its landings were undone, by name; empty where nothing landed."""
    content = content_of(jobs, job) or {}
    if job.kind is JobKind.BATCH_UNDO:
        undone = [one for one in content.get("landings", ()) if one["landing_run"] in content.get("undone_now", ())]
        return {content["target"]: undone[-1]["before"]} if undone else {}
    outcomes = [one["outcome"] for one in content.get("batches", ()) if one.get("outcome")]
    landed = [one["landed"] for one in outcomes if one["landed"]]
    return {content["target"]: landed[-1]} if landed else {}


def _plan_of(jobs: Jobs, job: Job) -> Any:
    if job.kind not in (JobKind.RUN, JobKind.RESUME):
        return None
    began = job if job.plan_id or not job.run_id else jobs.of_run(job.repository, job.run_id, kinds=[JobKind.RUN])
    if began is None or not began.plan_id:
        return None
    return content_of(jobs, jobs.of_plan(job.repository, began.plan_id))
