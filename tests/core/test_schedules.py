"""When schedules are due, and quiet hours, also where a clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitalign.core.schedules import next_tick, quiet_hours
from gitalign.errors import UserError

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("30 6 * * 1-5", "UTC", "2026-11-27T06:30", "2026-11-30T06:30"),
        ("30 6 * * *", BERLIN, "2026-07-01T00:00", "2026-07-01T04:30"),
        ("30 6 * * *", BERLIN, "2026-12-01T00:00", "2026-12-01T05:30"),
        ("*/15 * * * *", "UTC", "2026-11-27T06:30:01", "2026-11-27T06:45"),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00"),  # 02:30 does not exist: at once after the gap
        ("30 2 * * *", BERLIN, "2026-10-25T00:30", "2026-10-26T01:30"),  # 02:30 comes twice: once is enough
    ],
)
def test_due(cron: str, zone: str, after: str, due: str) -> None:
    assert next_tick(cron, zone, after=at(after)) == at(due)


@pytest.mark.parametrize(
    ("cron", "zone"),
    [("* * * *", "UTC"), ("* * * * * *", "UTC"), ("61 * * * *", "UTC"), ("0 0 30 2 *", "UTC"), ("x", "UTC"),
     ("* * * * *", "Mars/Olympus"), ("* * * * *", "../../etc/passwd"), ("* * * * *", "")],
)  # fmt: skip
def test_not_a_schedule(cron: str, zone: str) -> None:
    with pytest.raises(UserError) as caught:
        next_tick(cron, zone, after=at("2026-01-01T00:00"))
    assert caught.value.code == "bad_schedule"


@pytest.mark.parametrize(
    ("hours", "zone", "now", "end"),
    [
        ("22:00-06:00", "UTC", "2026-01-01T23:00", "2026-01-02T06:00"),
        ("22:00-06:00", "UTC", "2026-01-01T05:59:59", "2026-01-01T06:00"),
        ("22:00-06:00", "UTC", "2026-01-01T06:00", None),
        ("22:00-06:00", "UTC", "2026-01-01T21:59", None),
        ("22:00-06:00", BERLIN, "2026-01-01T21:30", "2026-01-02T05:00"),
        ("09:00-17:00", BERLIN, "2026-07-01T07:00", "2026-07-01T15:00"),
        ("09:00-17:00", BERLIN, "2026-07-01T06:59", None),
        ("22:00-06:00", BERLIN, "2026-10-25T03:30", "2026-10-25T05:00"),  # the night with 25 hours
    ],
)
def test_quiet(hours: str, zone: str, now: str, end: str | None) -> None:
    assert quiet_hours(hours, zone).end_after(at(now)) == (None if end is None else at(end))


@pytest.mark.parametrize("hours", ["", "22-6", "25:00-06:00", "22:00-22:00", "22:00-06:60", "22:00–06:00"])
def test_not_quiet_hours(hours: str) -> None:
    with pytest.raises(UserError):
        quiet_hours(hours, "UTC")
