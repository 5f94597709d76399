"""Numbers of a repository over two weeks: the last seven days as a line, the seven days before as a dashed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitalign.views.svg import drawing, element

_WIDTH, _HEIGHT = 300.0, 90.0
_TOP, _LEFT, _BOTTOM = 10.0, 30.0, 16.0
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number at an instant. It holds until the next one."""

    at: datetime
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A number now, and a week ago; None where it was not known."""

    now: int | None
    week_ago: int | None

    @property
    def words(self) -> str:
        """How both compare."""
        if self.now is None:
            return "not known yet"
        if self.week_ago is None:
            return "not known a week ago"
        difference = self.now - self.week_ago
        if not difference:
            return "as a week ago"
        return f"{abs(difference)} {'more' if difference > 0 else 'fewer'} than a week ago ({self.week_ago})"


def trend_of(readings: Sequence[Reading], *, now: datetime) -> Trend:
    """A number now and a week ago.

    Args:
        readings: oldest first.
        now: this instant.
    """
    return Trend(now=_held_at(readings, now), week_ago=_held_at(readings, now - WEEK))


def health_chart(readings: Sequence[Reading], *, now: datetime, title: str) -> str:
    """Two weeks, one above the other, as a drawing.

    Args:
        readings: oldest first; the first may be older than two weeks.
        now: where the drawing ends.
        title: what is counted.
    """
    most = max((one.value for one in readings), default=0) or 1
    said = trend_of(readings, now=now)
    lines = [
        element("path", class_=name, d=path)
        for name, end in (("before", now - WEEK), ("line", now))
        if (path := _path(readings, end=end, most=most))
    ]
    floor = _HEIGHT - _BOTTOM
    axes = [
        element("path", class_="axis", d=f"M{_LEFT:g} {_TOP:g}V{floor:g}H{_WIDTH:g}"),
        element("text", str(most), x=_LEFT - 4, y=_TOP + 8, class_="end"),
        element("text", "0", x=_LEFT - 4, y=floor, class_="end"),
        element("text", "7 days ago", x=_LEFT, y=_HEIGHT - 3),
        element("text", "now", x=_WIDTH, y=_HEIGHT - 3, class_="end"),
    ]
    text = f"{title}: {said.words if said.now is None else f'{said.now}, {said.words}'}"
    return drawing(_WIDTH, _HEIGHT, *axes, *lines, title=text, class_="health")


def _held_at(readings: Sequence[Reading], when: datetime) -> int | None:
    return next((one.value for one in reversed(readings) if one.at <= when), None)


def _path(readings: Sequence[Reading], *, end: datetime, most: int) -> str:
    """Steps of the seven days before an end; from the first instant on at which the number is known."""
    start = end - WEEK
    held = _held_at(readings, start)
    points = [] if held is None else [(start, held)]
    points += [(one.at, one.value) for one in readings if start < one.at <= end]
    if not points:
        return ""

    def across(at: datetime) -> float:
        return _LEFT + (_WIDTH - _LEFT) * ((at - start) / WEEK)

    def down(value: int) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / most

    first_at, first = points[0]
    steps = "".join(f"H{across(at):.1f}V{down(value):.1f}" for at, value in points[1:])
    return f"M{across(first_at):.1f} {down(first):.1f}{steps}H{across(end):.1f}"
