"""Whether two sets of path patterns can name the same file.

Patterns are those of a `.gitignore` (`git help gitignore`), with one difference: one whose last part has a wildcard names
files, not folders with everything in them. `*.py` would otherwise overlap with `docs/*.md`, because of a folder `x.md`.
The answer is for planning: it may say that two patterns overlap where no file ever will, and never the opposite.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

_ANY_DEPTH = "**"
_WILD = frozenset("*?[\\")


def pattern_fault(pattern: str) -> str | None:
    """What keeps a text from being a pattern of `touches`, in words; None when nothing does."""
    if pattern.startswith("!"):
        return "begins with !: patterns cannot exclude"
    if pattern.startswith("#"):
        return "begins with #"
    if not pattern.strip("/ "):
        return "is empty"
    if ".." in pattern.split("/"):
        return "holds .."
    return None


def has_wildcard(pattern: str) -> bool:
    """True for a text that names more than one path."""
    return bool(_WILD & set(pattern))


def overlapping(first: Iterable[str], second: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of patterns, one of each side, that can name the same file."""
    others = tuple(second)
    return [(one, other) for one in first for other in others if can_meet(one, other)]


@lru_cache(maxsize=65_536)
def can_meet(first: str, second: str) -> bool:
    """True when there can be a path that both patterns match."""
    for part, other in zip(_segments(first), _segments(second), strict=False):
        if _WILD & set(part) or _WILD & set(other):
            break
        if part != other:
            return False
    return _segments_meet(_segments(first), _segments(second))


@lru_cache(maxsize=65_536)
def _segments(pattern: str) -> tuple[str, ...]:
    """The pattern's parts from the top of the repository; `**` for any number of folders.

    A pattern without a slash in it holds at any depth. One without a wildcard in its last part may name a folder.
    """
    plain = pattern.rstrip("/")
    parts = [part for part in plain.split("/") if part]
    is_anchored = "/" in plain
    may_be_folder = plain != pattern or not _WILD & set(parts[-1])
    return (*(() if is_anchored else (_ANY_DEPTH,)), *parts, *((_ANY_DEPTH,) if may_be_folder else ()))


def _segments_meet(first: Sequence[str], second: Sequence[str]) -> bool:
    """Both sequences walked together; `reached` holds the places in the second for a place in the first."""
    reached = _past_any_depth(second, {0})
    for part in first:
        if part == _ANY_DEPTH:
            # Any number of parts of the second may be taken: every place behind those reached.
            reached = set(range(min(reached), len(second) + 1)) if reached else set()
            continue
        following = {
            at if second[at] == _ANY_DEPTH else at + 1
            for at in reached
            if at < len(second) and (second[at] == _ANY_DEPTH or _names_meet(part, second[at]))
        }
        reached = _past_any_depth(second, following)
    return len(second) in reached


def _past_any_depth(parts: Sequence[str], reached: set[int]) -> set[int]:
    found = set(reached)
    for at in reached:
        while at < len(parts) and parts[at] == _ANY_DEPTH:
            at += 1
            found.add(at)
    return found


def _names_meet(first: str, second: str) -> bool:
    """Whether one file name can match both patterns. Sets of characters count as any character."""
    return _signs_meet(_signs(first), _signs(second))


def _signs(name: str) -> tuple[str, ...]:
    """Characters of a pattern: `*`, `?` for any one, others doubled so that they are never taken for these."""
    signs: list[str] = []
    at = 0
    while at < len(name):
        sign = name[at]
        if sign == "\\" and at + 1 < len(name):
            signs.append("=" + name[at + 1])
            at += 2
        elif sign == "[" and (end := name.find("]", at + (3 if name[at + 1 : at + 2] in ("!", "^") else 2))) > 0:
            if "[" in name[at + 1 : end] or "\\" in name[at:end]:
                return (*signs, "*")  # where such a set ends is read in several ways
            signs.append("?")
            at = end + 1
        else:
            signs.append(sign if sign in "*?" else "=" + sign)
            at += 1
    return tuple(signs)


def _signs_meet(first: Sequence[str], second: Sequence[str]) -> bool:
    reached = _past_stars(second, {0})
    for sign in first:
        if sign == "*":
            reached = set(range(min(reached), len(second) + 1)) if reached else set()
            continue
        following = {
            at if second[at] == "*" else at + 1
            for at in reached
            if at < len(second) and (second[at] in ("*", "?") or sign in ("?", second[at]))
        }
        reached = _past_stars(second, following)
    return len(second) in reached


def _past_stars(signs: Sequence[str], reached: set[int]) -> set[int]:
    found = set(reached)
    for at in reached:
        while at < len(signs) and signs[at] == "*":
            at += 1
            found.add(at)
    return found
