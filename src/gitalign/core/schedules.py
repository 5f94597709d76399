"""Schedules: when the service forecasts or runs by itself, and hours in which it publishes nothing. Pure; the time is passed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from gitalign.errors import UserError

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When a schedule is due that is switched off: a server of an earlier release, which does not know of that, waits as well."""


class ScheduledKind(StrEnum):
    """What is done by schedule."""

    FORECAST = "forecast"
    RUN = "run"
    """Make a plan, and run it when there is something to align."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Hours of every day in which nothing is published, such as 22:00-06:00 in a time zone; they may go over midnight."""

    begin: time
    end: time
    zone: str

    def end_after(self, at: datetime) -> datetime | None:
        """When the quiet hours end that an instant is in; None when it is in none.

        Where a clock is put forward or back, the hours are those that it shows.
        """
        here = at.astimezone(_zone(self.zone))
        for day in (here.date() - timedelta(days=1), here.date()):
            begin = datetime.combine(day, self.begin, here.tzinfo)
            last = day if self.begin < self.end else day + timedelta(days=1)
            end = datetime.combine(last, self.end, here.tzinfo)
            if begin.astimezone(at.tzinfo) <= at < end.astimezone(at.tzinfo):
                return end.astimezone(at.tzinfo)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule.

    Attributes:
        id: in addresses.
        repository: by name.
        kind: what is done.
        cron: five fields, as cron has them.
        zone: in which they are meant.
        quiet: hours in which a run publishes nothing, `22:00-06:00` in that zone; None for none.
        params: which branches and how, as the API takes it.
        created_by: name of the token that made it.
        next_at: when it is due; at `NEVER` while it is switched off.
        disabled_at: when it was switched off; None while it is on.
        last_at: when it was due last.
        last_job: the job of that time; None when it was left out, for the one before was not over.
    """

    id: str
    repository: str
    kind: ScheduledKind
    cron: str
    zone: str
    quiet: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    created_by: str
    created_at: datetime
    next_at: datetime
    last_at: datetime | None = None
    last_job: str | None = None
    disabled_at: datetime | None = None


def quiet_hours(hours: str, zone: str) -> QuietHours:
    """Quiet hours from text such as `22:00-06:00`.

    Raises:
        UserError
    """
    found = _HOURS.fullmatch(hours)
    if found is None or found.group(1, 2) == found.group(3, 4):
        raise UserError(
            "quiet hours are written like 22:00-06:00", hint="--quiet-hours 22:00-06:00", code="bad_schedule"
        )
    first, second, third, fourth = map(int, found.groups())
    _zone(zone)
    return QuietHours(begin=time(first, second), end=time(third, fourth), zone=zone)


def next_tick(cron: str, zone: str, *, after: datetime) -> datetime:
    """When an expression of cron is due next, in UTC.

    Args:
        cron: five fields.
        zone: in which they are meant; hours that a clock skips or repeats count as in Debian's cron.
        after: an instant.

    Raises:
        UserError: it is not an expression of cron, is never due, or the zone is not known.
    """
    from cronsim import CronSim, CronSimError

    if len(cron.split()) != 5:
        raise _bad(f"{cron!a} does not have the five fields of cron")
    try:
        return next(CronSim(cron, after.astimezone(_zone(zone)))).astimezone(after.tzinfo)
    except CronSimError as error:
        raise _bad(f"{cron!a} is not an expression of cron: {error}") from error
    except StopIteration as error:
        raise _bad(f"{cron!a} is never due") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # `ZoneInfoNotFoundError` is a KeyError
        raise UserError(
            f"no time zone {name!a}", hint="write it like Europe/Berlin or UTC", code="bad_schedule"
        ) from error


def _bad(message: str) -> UserError:
    return UserError(message, hint="minute hour day month weekday, such as `30 6 * * 1-5`", code="bad_schedule")
