"""Numbers of a repository: what a forecast and a run say of it, and when they say nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gitalign.core.forecast import Prospect
from gitalign.core.health import health_of_forecast, health_of_report
from gitalign.core.run import RunKind
from tests.views.many import AS_OF, outlook_of, report_of


def test_a_forecast_counts_conflicts_and_takes_medians() -> None:
    forecast = outlook_of(30).forecast
    health = health_of_forecast(forecast, now=AS_OF + timedelta(days=400))
    assert health is not None
    assert (health.branches, health.conflicts) == (30, 20)
    behind = sorted(one.behind for one in forecast.branches)
    assert behind[14] <= health.behind <= behind[15]
    assert health.age_days is not None
    earlier = health_of_forecast(forecast, now=AS_OF)
    assert earlier is not None
    assert earlier.age_days is not None
    assert health.age_days - earlier.age_days == 400


def test_what_was_not_looked_at_whole_says_nothing() -> None:
    forecast = outlook_of(30).forecast
    assert health_of_forecast(replace(forecast, is_complete=False), now=AS_OF) is None
    assert health_of_forecast(replace(forecast, branches=()), now=AS_OF) is None
    cut = tuple(replace(one, prospect=Prospect.CANCELLED) for one in forecast.branches)
    assert health_of_forecast(replace(forecast, branches=cut), now=AS_OF) is None


def test_a_run_counts_what_still_stops() -> None:
    report, _ = report_of(30, findings=0)
    health = health_of_report(report)
    assert health is not None
    assert (health.branches, health.conflicts, health.age_days) == (30, 15, None)
    assert health_of_report(replace(report, run=replace(report.run, kind=RunKind.UNDO))) is None
