"""What needs what: tasks in columns, an arrow from each task to those that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from gitalign.views.svg import drawing, element, words

_BOX, _TALL, _ACROSS, _DOWN, _TOP = 150, 34, 210, 46, 26
_LONGEST = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A task.

    Attributes:
        name: unique.
        column: its batch, from 0.
        state: its class; said in words, too.
        needs: names of tasks before it.
        soft: those of them that only order.
        href: address of its page.
    """

    name: str
    column: int
    state: str
    needs: Sequence[str] = ()
    soft: Sequence[str] = ()
    href: str | None = None


def graph_drawing(nodes: Sequence[Node], *, title: str) -> str:
    """Tasks and what they need.

    Args:
        nodes: all of them.
        title: what the drawing shows.
    """
    places = _places(nodes)
    columns = max((one.column for one in nodes), default=0) + 1
    rows = max((row for _, row in places.values()), default=0) + 1
    heads = [
        element("text", f"batch {column}", x=column * _ACROSS + _BOX / 2 + 2, y=14, class_="middle")
        for column in range(columns)
    ]
    arrows = [
        _arrow(places[before], places[node.name], is_soft=before in node.soft)
        for node in nodes
        for before in node.needs
        if before in places
    ]
    boxes = [_box(node, places[node.name]) for node in nodes]
    width = (columns - 1) * _ACROSS + _BOX + 4
    return drawing(width, _TOP + rows * _DOWN, *heads, *arrows, *boxes, title=title, class_="graph", is_shrunk=False)


def _places(nodes: Sequence[Node]) -> Mapping[str, tuple[int, int]]:
    """Column and row of each: beside what it needs, so that few arrows cross."""
    places: dict[str, tuple[int, int]] = {}
    for column in sorted({one.column for one in nodes}):
        mine = [one for one in nodes if one.column == column]

        def wanted(node: Node) -> float:
            before = [places[name][1] for name in node.needs if name in places]
            return mean(before) if before else 0.0

        for row, node in enumerate(sorted(mine, key=wanted)):
            places[node.name] = (column, row)
    return places


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    column, row = place
    return column * _ACROSS + 2, _TOP + row * _DOWN


def _box(node: Node, place: tuple[int, int]) -> str:
    x, y = _corner(place)
    short = node.name if len(node.name) <= _LONGEST else f"{node.name[: _LONGEST - 1]}…"
    state = node.state.replace("_", " ")
    parts = (
        element("title", words(f"{node.name}: {state}")),
        element("rect", x=x, y=y, width=_BOX, height=_TALL, rx="5", class_=f"box bar-{node.state}"),
        element("rect", x=x + 4, y=y, width=_BOX - 4, height=_TALL, rx="4", class_="inside"),
        element("text", words(short), x=x + 12, y=y + 14, class_="name"),
        element("text", words(state), x=x + 12, y=y + 28, class_="soft"),
    )
    return element("g", *parts) if node.href is None else element("a", *parts, href=node.href)


def _arrow(start: tuple[int, int], end: tuple[int, int], *, is_soft: bool) -> str:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    x1, y1, y2 = x1 + _BOX, y1 + _TALL // 2, y2 + _TALL // 2
    bend = max(20, (x2 - x1) // 2)
    curve = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 6} {y2}"
    head = f"M{x2 - 7} {y2 - 4}L{x2} {y2}L{x2 - 7} {y2 + 4}z"
    return element("path", class_="arrow soft" if is_soft else "arrow", d=curve) + element("path", class_="tip", d=head)
