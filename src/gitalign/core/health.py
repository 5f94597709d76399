"""How a repository is doing at an instant: how many branches stop, how far branches are behind, how old they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from gitalign.core.forecast import Forecast, Prospect
from gitalign.core.outcome import conflict_of
from gitalign.core.report import SUCCESSES, Report, Verdict
from gitalign.core.run import RunKind

_SECONDS_PER_DAY = 86_400
_NOT_LOOKED_AT = frozenset({Verdict.SKIPPED, Verdict.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Numbers of a repository.

    Attributes:
        branches: that were looked at.
        conflicts: branches that stop at a conflict.
        behind: commits that a branch lacks of its target: the median of all branches.
        age_days: days since the last commit of a branch: the median; None where that was not looked at.
    """

    branches: int
    conflicts: int
    behind: int
    age_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRecord:
    """Numbers of a repository at an instant."""

    at: datetime
    health: Health


def health_of_forecast(forecast: Forecast, *, now: datetime) -> Health | None:
    """What a forecast says of the health of its repository; None when it did not look at every branch.

    Args:
        forecast: of all branches.
        now: the instant that ages are counted to.
    """
    rows = [one for one in forecast.branches if one.assigned]
    if not rows or not forecast.is_complete or any(one.prospect is Prospect.CANCELLED for one in rows):
        return None
    seconds = now.timestamp()
    ages = [max(0, int(seconds - one.last_commit_at) // _SECONDS_PER_DAY) for one in forecast.owners]
    return Health(
        branches=len(rows),
        conflicts=sum(one.prospect is Prospect.CONFLICT for one in rows),
        behind=_middle([one.behind for one in rows]),
        age_days=_middle(ages) if ages else None,
    )


def health_of_report(report: Report) -> Health | None:
    """What a run leaves; None when it did not look at every branch of its plan, or is none that aligns."""
    rows = report.branches()
    if not rows or report.run.kind is not RunKind.ALIGN or any(one.verdict in _NOT_LOOKED_AT for one in rows):
        return None
    return Health(
        branches=len(rows),
        conflicts=sum(conflict_of(one.result.outcome) is not None for one in rows),
        behind=_middle([0 if one.verdict in SUCCESSES else one.step.behind for one in rows]),
    )


def _middle(numbers: Sequence[int]) -> int:
    return round(median(numbers))
