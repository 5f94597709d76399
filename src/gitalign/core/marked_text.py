"""A conflicted file as a person reads it: the stretches that clash with their three sides, and a little of what is around them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Lines = tuple[bytes, ...]
"""Lines with their ends."""

Stretch = tuple[Lines] | tuple[Lines, Lines, Lines]
"""What git merged, or the three sides of what it could not: ours, base, theirs."""

CONTEXT_LINES = 3
_MOST_LINES = 400
_MOST_CHARACTERS = 400


class LineKind(StrEnum):
    """Whose a line is."""

    MERGED = "merged"
    OURS = "ours"
    BASE = "base"
    THEIRS = "theirs"
    GAP = "gap"
    """Lines left out; the text is their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedLine:
    """A line of a conflicted file.

    Attributes:
        kind: whose it is.
        hunk: the number of its stretch that clashes, from 1; 0 between them.
        text: without its end; bytes that are not UTF-8 replaced, cut off where it is very long.
    """

    kind: LineKind
    hunk: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFile:
    """A conflicted file.

    Attributes:
        path: of it.
        hunks: how many stretches clash.
        has_base: what both sides came from is known.
        lines: in order; at most the first few hundred.
        lines_left_out: how many more there are.
    """

    path: str
    hunks: int
    has_base: bool
    lines: tuple[MarkedLine, ...]
    lines_left_out: int


def abridged(path: str, stretches: Sequence[Stretch], *, has_base: bool) -> MarkedFile:
    """A conflicted file, shortened to what clashes and the lines next to it.

    Args:
        path: of it.
        stretches: the whole file, in order.
        has_base: False leaves the middle side out: both sides added the file.
    """
    found: list[MarkedLine] = []
    hunk = 0
    for place, stretch in enumerate(stretches):
        if len(stretch) == 1:
            found += _around(stretch[0], is_first=place == 0, is_last=place == len(stretches) - 1)
            continue
        hunk += 1
        ours, base, theirs = stretch
        for kind, lines in (
            (LineKind.OURS, ours),
            (LineKind.BASE, base if has_base else ()),
            (LineKind.THEIRS, theirs),
        ):
            found += [MarkedLine(kind=kind, hunk=hunk, text=_text(line)) for line in lines]
    return MarkedFile(
        path=path,
        hunks=hunk,
        has_base=has_base,
        lines=tuple(found[:_MOST_LINES]),
        lines_left_out=max(0, len(found) - _MOST_LINES),
    )


def _around(lines: Lines, *, is_first: bool, is_last: bool) -> list[MarkedLine]:
    """The lines of a merged stretch that are next to a clash."""
    head = () if is_first else lines[:CONTEXT_LINES]
    rest = lines[len(head) :]
    tail = () if is_last else rest[max(0, len(rest) - CONTEXT_LINES) :]
    gap = len(rest) - len(tail)
    return [
        *(MarkedLine(kind=LineKind.MERGED, hunk=0, text=_text(line)) for line in head),
        *([MarkedLine(kind=LineKind.GAP, hunk=0, text=str(gap))] if gap else []),
        *(MarkedLine(kind=LineKind.MERGED, hunk=0, text=_text(line)) for line in tail),
    ]


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")[:_MOST_CHARACTERS]
