"""What the pages show, made from jobs and their documents. Nothing here knows of HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitalign.core.jobs import Job, JobKind
from gitalign.documents.models.service import BranchRowDocument
from gitalign.service.branches import seen_branches
from gitalign.service.contents import content_of
from gitalign.store.service.jobs import WITH_A_REPORT, Jobs
from gitalign.views.lane_drawing import duration_words

_NEED_ATTENTION = frozenset({"conflicted", "refused", "failed", "held_back", "moved_away", "push_failed", "conflict"})
_WIDTH = 600
_SHORTEST_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLook:
    """A repository at a glance.

    Attributes:
        rows: its branches.
        needing: names of those that need attention.
        counts: branches by what is known last of them.
        bar: parts of a bar of `_WIDTH`: word, start, width.
        planned_at: when its newest plan was made; None before the first.
    """

    name: str
    rows: Sequence[BranchRowDocument] = ()
    needing: frozenset[str] = frozenset()
    counts: Mapping[str, int]
    bar: Sequence[tuple[str, float, float]]
    plan: Job | None = None
    planned_at: datetime | None = None

    @property
    def attention(self) -> int:
        """How many branches need attention."""
        return len(self.needing)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLook:
    """A job with its document, when that is JSON.

    Attributes:
        phases: what took how long, in words.
    """

    job: Job
    document: Any
    has_document: bool
    can_be_undone: bool
    can_go_on: bool
    has_certificates: bool
    phases: Sequence[tuple[str, str]]


def repository_look(jobs: Jobs, name: str) -> RepositoryLook:
    """A repository at a glance."""
    seen = seen_branches(jobs, name)
    if seen is None:
        return RepositoryLook(name=name, counts={}, bar=())
    rows = list(seen.rows.values())
    counts = Counter(row["state"] for row in rows)
    bar, start = [], 0.0
    for word, count in counts.most_common():
        width = _WIDTH * count / len(rows)
        bar.append((word, round(start, 2), round(width, 2)))
        start += width
    return RepositoryLook(
        name=name,
        rows=rows,
        needing=frozenset(row["branch"] for row in rows if row["state"] in _NEED_ATTENTION),
        counts=dict(counts.most_common()),
        bar=bar,
        plan=seen.plan,
        planned_at=seen.plan.finished_at,
    )


def job_look(jobs: Jobs, job: Job) -> JobLook:
    """A job with what it came to."""
    content = content_of(jobs, job)
    run: Mapping[str, Any] = content["run"] if job.kind in WITH_A_REPORT and content is not None else {}
    phases = content["phases"] if run and content is not None else {}
    moved = bool(run.get("moved")) and run.get("undone_by") is None
    return JobLook(
        job=job,
        document=content,
        has_document=content is not None or jobs.document(job.id) is not None,
        can_be_undone=moved and job.state.is_over,
        can_go_on=run.get("state") == "interrupted",
        has_certificates=bool(run.get("moved")) and job.kind is not JobKind.UNDO,
        phases=[(name, duration_words(seconds)) for name, seconds in phases.items() if seconds >= _SHORTEST_S],
    )
