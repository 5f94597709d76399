"""Where in a file two sides clash: read from the conflict markers git wrote, with the lines they come from on each side.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

_OPENS = re.compile(rb"(<{7,}) [0-9a-f]{40,64}(:|$)")
_EXCERPT_LINES, _EXCERPT_CHARACTERS = 6, 160
_MOST_COMPARISONS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HunkSide:
    """One side of a hunk.

    Attributes:
        first, last: its lines in the file as that side has it, from 1; `last` is `first - 1` where the side has nothing
            there. None when they could not be determined.
        text: the first few of them.
    """

    first: int | None
    last: int | None
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A stretch of a file that both sides changed differently."""

    path: str
    one: HunkSide
    other: HunkSide


@dataclass(frozen=True, slots=True)
class _Region:
    """A stretch between markers: its lines on each side, and how many lines of each merged side stand before it."""

    one: tuple[bytes, ...]
    other: tuple[bytes, ...]
    before_one: int
    before_other: int


def conflict_hunks(path: str, marked: bytes, *, one: bytes, other: bytes) -> tuple[Hunk, ...]:
    """The hunks of a conflicted file, in order.

    Args:
        path: as it is to be named.
        marked: the file with git's conflict markers, labelled with ids of trees or commits.
        one: the file as the first side has it.
        other: as the second side has it.

    Source: `git help merge` (HOW CONFLICTS ARE PRESENTED), `conflict-marker-size` in `git help attributes`.
    """
    ones, others = _lines(one), _lines(other)
    regions, merged_one, merged_other = _regions(marked, one=one, other=other)
    in_one = _places(merged_one, ones, [(region.before_one, len(region.one)) for region in regions])
    in_other = _places(merged_other, others, [(region.before_other, len(region.other)) for region in regions])
    return tuple(
        Hunk(path=path, one=_side(region.one, first), other=_side(region.other, second))
        for region, first, second in zip(regions, in_one, in_other, strict=True)
    )


def conflict_sides(
    marked: bytes, *, one: bytes, other: bytes
) -> tuple[tuple[tuple[bytes, ...], tuple[bytes, ...]], ...]:
    """The lines of both sides of each hunk of a conflicted file, in order, without line ends; arguments as `conflict_hunks`."""
    return tuple((region.one, region.other) for region in _regions(marked, one=one, other=other)[0])


def _regions(marked: bytes, *, one: bytes, other: bytes) -> tuple[list[_Region], list[bytes], list[bytes]]:
    """What stands between markers, and the whole file as each side would have it."""
    lines = _lines(marked)
    regions: list[_Region] = []
    merged_one: list[bytes] = []
    merged_other: list[bytes] = []
    at = 0
    while at < len(lines):
        opened = _OPENS.match(lines[at])
        ends = _ends(lines, at, len(opened[1]), one=one, other=other) if opened else None
        if ends is None:
            merged_one.append(lines[at])
            merged_other.append(lines[at])
            at += 1
            continue
        separator, closing = ends
        region = _Region(
            tuple(lines[at + 1 : separator]),
            tuple(lines[separator + 1 : closing]),
            len(merged_one),
            len(merged_other),
        )
        regions.append(region)
        merged_one += region.one
        merged_other += region.other
        at = closing + 1
    return regions, merged_one, merged_other


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them, without their ends: the last one may have none, or another one between markers."""
    lines = data.split(b"\n")
    if b"\r" in data:
        lines = [line.removesuffix(b"\r") for line in lines]
    return lines if lines[-1] else lines[:-1]


def _ends(lines: Sequence[bytes], at: int, size: int, *, one: bytes, other: bytes) -> tuple[int, int] | None:
    """Where the separator and the closing marker of a region stand.

    A side may hold lines that look like the separator, headings for one: that one is it which leaves to each side a stretch of its file.
    """
    closes = re.compile(rb">{%d} [0-9a-f]{40,64}(:|$)" % size)
    separators: list[int] = []
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line == b"=" * size:
            separators.append(number)
        elif closes.match(line) and separators:
            fitting = [
                middle
                for middle in separators
                if len(separators) == 1
                or (_holds(one, lines[at + 1 : middle]) and _holds(other, lines[middle + 1 : number]))
            ]
            return (fitting or separators)[0], number
    return None


def _holds(side: bytes, stretch: Sequence[bytes]) -> bool:
    """True when a file has these lines, one after another."""
    plain = b"\n" + side.replace(b"\r\n", b"\n") + b"\n"
    return not stretch or b"\n" + b"\n".join(stretch) + b"\n" in plain


def _places(merged: Sequence[bytes], side: Sequence[bytes], wanted: Sequence[tuple[int, int]]) -> list[int | None]:
    """Where stretches (start, length) of a merged file begin in the file of one side, from 0."""
    if not wanted or not side:
        return [0] * len(wanted)
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(merged, side, strict=False)))
    rest = min(len(merged), len(side)) - head
    tail = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(merged[::-1][:rest], side[::-1][:rest], strict=True))
    )
    middle, own = merged[head : len(merged) - tail], side[head : len(side) - tail]
    blocks = [(0, 0, head), (len(merged) - tail, len(side) - tail, tail)]
    if len(middle) * len(own) <= _MOST_COMPARISONS:
        for start, there, length in SequenceMatcher(None, middle, own, autojunk=False).get_matching_blocks():
            blocks.append((head + start, head + there, length))
    joined: list[tuple[int, int, int]] = []
    for block in sorted(blocks):
        if joined and (joined[-1][0] + joined[-1][2], joined[-1][1] + joined[-1][2]) == block[:2]:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + block[2])
        else:
            joined.append(block)
    found = [_within(joined, start, length) for start, length in wanted]
    return [
        place if place is not None else _only_place(merged[start : start + length], side)
        for place, (start, length) in zip(found, wanted, strict=True)
    ]


def _only_place(stretch: Sequence[bytes], side: Sequence[bytes]) -> int | None:
    """Where a stretch stands in a file, when it stands there once."""
    if not stretch:
        return None
    found = [
        at
        for at, line in enumerate(side)
        if line == stretch[0] and tuple(side[at : at + len(stretch)]) == tuple(stretch)
    ]
    return found[0] if len(found) == 1 else None


def _within(blocks: Sequence[tuple[int, int, int]], start: int, length: int) -> int | None:
    """The place of a stretch that lies in one matching block, its edges included."""
    for here, there, size in blocks:
        if here <= start and start + length <= here + size and (length or size):
            return there + start - here
    return None


def _side(lines: Sequence[bytes], first: int | None) -> HunkSide:
    text = tuple(line.rstrip(b"\r").decode("utf-8", "replace")[:_EXCERPT_CHARACTERS] for line in lines[:_EXCERPT_LINES])
    if first is None:
        return HunkSide(first=None, last=None, text=text)
    return HunkSide(first=first + 1, last=first + len(lines), text=text)
