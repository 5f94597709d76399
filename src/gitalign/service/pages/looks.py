"""What the pages show, made from jobs and their documents. Nothing here knows of HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitalign.core.jobs import Job, JobKind
from gitalign.core.plan import StepKind
from gitalign.documents.models.service import BranchRowDocument
from gitalign.service.branches import seen_branches
from gitalign.service.contents import content_of
from gitalign.store.service.jobs import WITH_A_REPORT, Jobs
from gitalign.views.lane_drawing import duration_words

_NEED_ATTENTION = frozenset(
    {"conflicted", "partly_aligned", "refused", "failed", "held_back", "moved_away", "push_failed", "conflict"}
)
_FINE = frozenset({"clean", "unchanged", "aligned", "put_back", StepKind.UP_TO_DATE, StepKind.LEAVE})
_WIDTH = 600
_SHORTEST_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLook:
    """A repository at a glance.

    Attributes:
        rows: its branches.
        needing: names of those that need attention.
        not_known: how many are neither known to be fine nor to need attention.
        counts: branches by what is known last of them.
        bar: parts of a bar of `_WIDTH`: word, start, width.
        is_looked_at: a forecast, conflicts or a run said something, and some job was about all branches.
        plan: that decides which branches there are.
        planned_at: when that plan was made; None before the first.
    """

    name: str
    rows: Sequence[BranchRowDocument] = ()
    needing: frozenset[str] = frozenset()
    not_known: int = 0
    counts: Mapping[str, int]
    bar: Sequence[tuple[str, float, float]]
    is_looked_at: bool = False
    plan: Job | None = None
    planned_at: datetime | None = None

    @property
    def attention(self) -> int:
        """How many branches need attention."""
        return len(self.needing)

    @property
    def summary(self) -> tuple[str, str]:
        """How the branches are in a few words, and `good`, `bad` or `unknown`."""
        if self.attention:
            return f"{self.attention} of {len(self.rows)} need attention", "bad"
        if self.plan is None or not self.is_looked_at:
            return "not known", "unknown"
        if self.not_known:
            return f"{self.not_known} of {len(self.rows)} not known", "unknown"
        return f"{len(self.rows)} fine", "good"


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
        not_known=sum(row["state"] not in _FINE | _NEED_ATTENTION for row in rows),
        is_looked_at=seen.is_whole and bool(seen.looked_at),
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
