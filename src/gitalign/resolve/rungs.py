"""Rungs of the ladder: ways to settle a region that both sides changed, each safe by its own argument. Pure.

A rung gives lines or nothing; it never guesses. Which rungs may be used is the operator's policy.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence

from gitalign.core.policy import Rung
from gitalign.resolve.regions import Lines, Region


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
    ends = {_end_of(line) for line in sample} - {b""}
    if len(ends) != 1:
        return lines
    (end,) = ends
    return tuple(line.removesuffix(_end_of(line)) + end if _end_of(line) else line for line in lines)


def _end_of(line: bytes) -> bytes:
    """What ends a line: CR LF or LF; a CR alone is a character like any other."""
    return next((end for end in (b"\r\n", b"\n") if line.endswith(end)), b"")


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


def imports(region: Region) -> Lines | None:
    """Import statements of ours with what theirs added and without what theirs removed.

    None unless every line of every side is one whole import statement without a comment, or blank, and no name is bound
    differently by the two sides.
    """
    sides = [_imports_of(side) for side in (region.ours, region.base, region.theirs)]
    if any(side is None for side in sides) or not _ends_whole((*region.ours, *region.theirs)):
        return None
    ours, base, theirs = (side or {} for side in sides)
    gone = base.keys() - theirs.keys()
    kept = [line for line in region.ours if not (statement := line.strip()) or statement not in gone]
    added = [line for line in region.theirs if line.strip() and line.strip() not in base and line.strip() not in ours]
    result = (*kept, *added)
    bound: dict[str, bytes] = {}
    for statement, names in (_imports_of(result) or {}).items():
        for name in names:
            if bound.setdefault(name, statement) != statement:
                return None
    return result


def _imports_of(lines: Lines) -> Mapping[bytes, tuple[str, ...]] | None:
    """Statement -> names it binds; None when a line is anything but a whole import of one indentation."""
    found: dict[bytes, tuple[str, ...]] = {}
    indents: set[bytes] = set()
    for line in lines:
        statement = line.strip()
        if not statement:
            continue
        indents.add(line[: len(line) - len(line.lstrip())])
        names = _bound_by(statement)
        if names is None or statement in found:
            return None
        found[statement] = names
    return found if len(indents) <= 1 else None


def _bound_by(statement: bytes) -> tuple[str, ...] | None:
    if b"#" in statement or b";" in statement:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(statement).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Import | ast.ImportFrom):
        return None
    if isinstance(body[0], ast.ImportFrom) and (
        body[0].module == "__future__" or any(one.name == "*" for one in body[0].names)
    ):
        return None
    # `import a.b` binds `a`, whoever else does so binds the same.
    return tuple(
        alias.asname or (alias.name if isinstance(body[0], ast.ImportFrom) else f"{alias.name}.")
        for alias in body[0].names
    )


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
