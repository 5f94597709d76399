"""Automatic resolvers: ways to settle a region that both sides changed, each safe by its own argument. Pure.

A rung gives lines or nothing; it never guesses. Which rungs may be used is the operator's policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.policy import AutoResolver
from gitalign.resolve.import_lines import imports
from gitalign.resolve.regions import Lines, Region, end_of, joined

_BLANKS = b" \t"


def whitespace(region: Region) -> Lines | None:
    """The side with the real change, where at most one side has one; where neither has, ours.

    Lines are compared one to one, a blank line being one, too. Blanks are spaces and tabs. At the beginning of a line they are kept
    apart, for they mean something in many languages; behind a backslash they decide whether the line goes on.
    """
    told = in_blanks_alone(region)
    if told is None:
        return None
    return _with_end(region.theirs if told == (region.ours, region.base) else region.ours, _end_for(region))


def in_blanks_alone(region: Region) -> tuple[Lines, Lines] | None:
    """Two sides that differ in blanks alone, so that the third has the real change, if there is one."""
    if len({tuple(line for line in map(_without_end, side) if _goes_on(line)) for side in _sides(region)}) > 1:
        return None
    ours, base, theirs = (_plain(side) for side in _sides(region))
    if ours == theirs:
        return region.ours, region.theirs
    if ours == base:
        return region.ours, region.base
    return (region.theirs, region.base) if theirs == base else None


def _sides(region: Region) -> tuple[Lines, Lines, Lines]:
    return region.ours, region.base, region.theirs


def _plain(lines: Lines) -> list[tuple[bytes, bytes]]:
    """Indentation and words of each line; a line of blanks has neither."""
    bare = [_without_end(line) for line in lines]
    words = [re.sub(rb"[ \t]+", b" ", line.strip(_BLANKS)) for line in bare]
    return [
        (line[: len(line) - len(line.lstrip(_BLANKS))] if word else b"", word)
        for line, word in zip(bare, words, strict=True)
    ]


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(end_of(line))


def _goes_on(line: bytes) -> bool:
    """Whether the next line belongs to it, or would but for blanks behind the backslash."""
    return line.rstrip(b"\r\n" + _BLANKS).endswith(b"\\")


def _end_for(region: Region) -> bytes:
    """The line end of the side that changed it, else that of all; nothing where lines of a side end in more than one way."""
    ends = [{end_of(line) for line in side} - {b""} for side in _sides(region)]
    if any(len(one) > 1 for one in ends):
        return b""
    ours, base, theirs = (next(iter(one), b"") for one in ends)
    return ours if ours and (theirs in (base, ours, b"") or not base) else theirs


def _with_end(lines: Lines, end: bytes) -> Lines:
    """Lines with another end, but for a last one that has none."""
    return tuple(_without_end(line) + end if end and end_of(line) else line for line in lines)


def same_lines(region: Region) -> Lines | None:
    """The longer side, where both added to nothing and the longer one holds the shorter one in one piece."""
    if region.base or not region.ours or not region.theirs:
        return None
    short, long = sorted((region.ours, region.theirs), key=len)
    width = len(short)
    holds = any(long[at : at + width] == short for at in range(len(long) - width + 1))
    return long if holds else None


def union(region: Region) -> Lines | None:
    """Ours, then what theirs added, where every line of the base is still on both sides, in its order.

    None where a side removed or changed a line: then it is no list that only grows. None where a line ends in a backslash: then an
    entry may be more than a line, and the lines of one may stand in another, too.
    """
    if any(_goes_on(line) for line in (region.before, *region.ours, *region.theirs)):
        return None
    if not (_is_within(region.base, region.ours) and _is_within(region.base, region.theirs)):
        return None
    if not _ends_whole((*region.ours, *region.theirs)):
        return None
    known = set(region.ours)
    return (*region.ours, *dict.fromkeys(line for line in region.theirs if line not in known))


def _is_within(some: Sequence[bytes], lines: Sequence[bytes]) -> bool:
    """Whether lines hold others in their order, not necessarily next to one another."""
    rest = iter(lines)
    return all(one in rest for one in some)


def _ends_whole(lines: Lines) -> bool:
    return all(line.endswith(b"\n") for line in lines)


AUTO_RESOLVERS: Mapping[AutoResolver, Callable[[Region], Lines | None]] = {
    AutoResolver.WHITESPACE: whitespace,
    AutoResolver.SAME_LINES: same_lines,
    AutoResolver.IMPORTS: imports,
    AutoResolver.UNION: union,
}


@dataclass(frozen=True, slots=True)
class AutoResolvedFile:
    """A file of which every region is settled.

    Attributes:
        pieces: its lines, a piece for each part.
        by: place of a region among the parts -> the rung that settled it.
    """

    pieces: tuple[Lines, ...]
    by: Mapping[int, AutoResolver]

    @property
    def content(self) -> bytes:
        """The file."""
        return joined(self.pieces)

    @property
    def used(self) -> tuple[AutoResolver, ...]:
        """The rungs that were used, each once, in the order in which they came."""
        return tuple(dict.fromkeys(self.by.values()))


def auto_resolve(parts: Sequence[Lines | Region], allowed: Sequence[AutoResolver]) -> AutoResolvedFile | None:
    """The file with every region settled by the first rung that can; None when one cannot be.

    Args:
        parts: as `regions.regions` gives them.
        allowed: in the order in which they are tried.
    """
    pieces: list[Lines] = []
    by: dict[int, AutoResolver] = {}
    for place, part in enumerate(parts):
        if not isinstance(part, Region):
            pieces.append(part)
            continue
        for resolver in allowed:
            lines = AUTO_RESOLVERS[resolver](part)
            if lines is not None:
                pieces.append(lines)
                by[place] = resolver
                break
        else:
            return None
    return AutoResolvedFile(tuple(pieces), by)
