"""Rungs of the ladder: ways to settle a region that both sides changed, each safe by its own argument. Pure.

A rung gives lines or nothing; it never guesses. Which rungs may be used is the operator's policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gitalign.core.policy import Rung
from gitalign.resolve.import_lines import imports
from gitalign.resolve.regions import Lines, Region, end_of


def whitespace(region: Region) -> Lines | None:
    """The side with the real change, where at most one side has one; where neither has, ours.

    Blanks at the beginning of a line are kept apart, for they mean something in many languages.
    """
    ours, base, theirs = (_plain(side) for side in (region.ours, region.base, region.theirs))
    if ours == theirs:
        return region.ours
    if ours == base:
        return _with_ends_of(region.ours, region.theirs)
    if theirs == base:
        return region.ours
    return None


def _plain(lines: Lines) -> list[tuple[bytes, bytes]]:
    """Indentation and words of each line; blank lines at the ends do not count."""
    found = [(line[: len(line) - len(line.lstrip(b" \t"))], b" ".join(line.split())) for line in lines]
    kept = [(indent if words else b"", words) for indent, words in found]
    while kept and not kept[-1][1]:
        kept.pop()
    while kept and not kept[0][1]:
        kept.pop(0)
    return kept


def _with_ends_of(sample: Lines, lines: Lines) -> Lines:
    """Lines with the line ends of a sample, when all of the sample agree."""
    ends = {end_of(line) for line in sample} - {b""}
    if len(ends) != 1:
        return lines
    (end,) = ends
    return tuple(line.removesuffix(end_of(line)) + end if end_of(line) else line for line in lines)


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

    None where a side removed or changed a line: then it is no list that only grows.
    """
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


RUNGS: Mapping[Rung, Callable[[Region], Lines | None]] = {
    Rung.WHITESPACE: whitespace,
    Rung.SAME_LINES: same_lines,
    Rung.IMPORTS: imports,
    Rung.UNION: union,
}


def climb(parts: Sequence[Lines | Region], allowed: Sequence[Rung]) -> tuple[bytes, tuple[Rung, ...]] | None:
    """The file with every region settled by the first rung that can, and the rungs that were used; None when one cannot.

    Args:
        parts: as `regions.regions` gives them.
        allowed: in the order in which they are tried.
    """
    settled: list[Lines] = []
    used: dict[Rung, None] = {}
    for part in parts:
        if not isinstance(part, Region):
            settled.append(part)
            continue
        for rung in allowed:
            lines = RUNGS[rung](part)
            if lines is not None:
                settled.append(lines)
                used[rung] = None
                break
        else:
            return None
    return b"".join(b"".join(lines) for lines in settled), tuple(used)
