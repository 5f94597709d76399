"""The clash map as a drawing: branches against branches, a filled cell where two of them clash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from gitalign.views.svg import drawing, element, words

MOST_NAMED = 60
"""With more branches the names would be too small to read: then the drawing is an overview."""

_CELL, _NAMES, _GAP = 14, 190, 6
_LONGEST = 28


def by_clashes(pairs: Collection[tuple[str, str]]) -> list[str]:
    """Branches that clash, those with most clashes first."""
    counts = Counter(name for pair in pairs for name in pair)
    return sorted(counts, key=lambda name: (-counts[name], name))


def clash_drawing(
    names: Sequence[str],
    pairs: Collection[tuple[str, str]],
    *,
    href: Callable[[str], str] | None = None,
    pair_href: Callable[[str, str], str] | None = None,
) -> str:
    """Branches against branches.

    Args:
        names: of branches, in the order of rows and columns.
        pairs: of them that clash.
        href: address of a branch's page.
        pair_href: address of what is known of a pair.
    """
    place = {name: at for at, name in enumerate(names)}
    cells = sorted({(place[one], place[other]) for one, other in pairs if one in place and other in place})
    title = f"Clash map: {len(names)} branches, {len(cells)} pairs of them clash"
    if len(names) > MOST_NAMED:
        return _overview(len(names), cells, title=title)
    size = len(names) * _CELL
    left, top = _NAMES + _GAP, 20
    parts = [_frame(len(names), left=left, top=top)]
    for at, name in enumerate(names):
        label = element("title", words(name)) + words(_short(name))
        row = element("text", f"{label} {at + 1}", x=_NAMES, y=top + at * _CELL + 11, class_="end name")
        parts.append(row if href is None else element("a", row, href=href(name)))
        number = element("text", str(at + 1), x=left + at * _CELL + _CELL / 2, y=top - 6, class_="middle")
        parts.append(number)
    for row_at, column_at in cells:
        says = element("title", words(f"{names[row_at]} clashes with {names[column_at]}"))
        both = "".join(
            element("rect", says, x=left + x * _CELL, y=top + y * _CELL, width=_CELL, height=_CELL, class_="cell")
            for x, y in ((row_at, column_at), (column_at, row_at))
        )
        parts.append(both if pair_href is None else _linked(both, pair_href(names[row_at], names[column_at]), says))
    return drawing(left + size + 2, top + size + 2, *parts, title=title, class_="clashes", is_shrunk=False)


def _linked(both: str, href: str, says: str) -> str:
    # One stop for the keyboard: the table beside the map lists the same pairs.
    return element("a", says, both, href=href, tabindex="-1")


def _overview(count: int, cells: Sequence[tuple[int, int]], *, title: str) -> str:
    path = "".join(f"M{x} {y}h1v1h-1zM{y} {x}h1v1h-1z" for x, y in cells)
    frame = element("path", class_="frame", d=f"M0 0H{count}V{count}H0z")
    return drawing(count, count, frame, element("path", class_="cell", d=path), title=title, class_="clashes overview")


def _frame(count: int, *, left: int, top: int) -> str:
    size = count * _CELL
    lines = "".join(f"M{left} {top + at * _CELL}h{size}M{left + at * _CELL} {top}v{size}" for at in range(count + 1))
    itself = "".join(f"M{left + at * _CELL} {top + at * _CELL}h{_CELL}v{_CELL}h-{_CELL}z" for at in range(count))
    return element("path", class_="grid", d=lines) + element("path", class_="self", d=itself)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
