"""Who was busy with what, and when: one lane for each worker or task, one bar for each piece of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.views.svg import drawing, element, words

_WIDTH, _NAMES, _ROW, _TOP = 900.0, 170.0, 22.0, 20.0
_LONGEST = 24
_LEAST = 1.5
_STEPS_S = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A piece of work.

    Attributes:
        start_s, end_s: since the beginning of the drawing.
        name: what it was, for people.
        state: its class; colours are chosen by it.
    """

    start_s: float
    end_s: float
    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A worker or a task.

    Attributes:
        name: at its left.
        bars: in any order.
        href: address of its page.
    """

    name: str
    bars: Sequence[Bar]
    href: str | None = None


def lane_drawing(lanes: Sequence[Lane], *, title: str) -> str:
    """Lanes on one time axis.

    Args:
        lanes: from top to bottom.
        title: what the drawing shows.
    """
    total = max((bar.end_s for lane in lanes for bar in lane.bars), default=0.0) or 1.0
    scale = (_WIDTH - _NAMES - 40) / total
    height = _TOP + len(lanes) * _ROW + 4
    parts = [*_axis(total, scale, height)]
    for at, lane in enumerate(lanes):
        parts.append(_lane(lane, top=_TOP + at * _ROW, scale=scale))
    return drawing(_WIDTH, height, *parts, title=title, class_="lanes")


def _axis(total: float, scale: float, height: float) -> list[str]:
    step = next((one for one in _STEPS_S if total / one <= 6), 86_400.0 * max(1, round(total / 86_400 / 6)))
    parts, at = [], 0.0
    while at <= total:
        x = _NAMES + at * scale
        parts += [
            element("path", class_="grid", d=f"M{x:.1f} {_TOP - 4:g}V{height:g}"),
            element("text", duration_words(at), x=x, y=_TOP - 7, class_="middle"),
        ]
        at += step
    return parts


def _lane(lane: Lane, *, top: float, scale: float) -> str:
    short = lane.name if len(lane.name) <= _LONGEST else f"{lane.name[: _LONGEST - 1]}…"
    label = element(
        "text", element("title", words(lane.name)) + words(short), x=_NAMES - 8, y=top + 15, class_="end name"
    )
    bars = [
        element(
            "rect",
            element(
                "title", words(f"{bar.name}: {bar.state.replace('_', ' ')}, {duration_words(bar.end_s - bar.start_s)}")
            ),
            x=_NAMES + bar.start_s * scale,
            y=top + 3,
            width=max(_LEAST, (bar.end_s - bar.start_s) * scale),
            height=_ROW - 6,
            rx="2",
            class_=f"bar-{bar.state}",
        )
        for bar in lane.bars
    ]
    return (label if lane.href is None else element("a", label, href=lane.href)) + "".join(bars)


def duration_words(seconds: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
