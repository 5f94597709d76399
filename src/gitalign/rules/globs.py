"""Globs over the paths of a repository."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(path: str, pattern: str) -> bool:
    """True when a path matches a glob.

    Without a slash the glob is about the file name, in any folder. With one it is about the whole path: `*` stays within a
    folder, `**` stands for any number of folders. Case counts.
    """
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    # Where in the pattern one can be after each part of the path: no way to match is tried twice.
    wanted = pattern.removeprefix("/").split("/")
    reached = _past_stars(wanted, {0})
    for part in path.split("/"):
        following: set[int] = set()
        for at in reached:
            if at == len(wanted):
                continue
            if wanted[at] == "**":
                following.add(at)
            elif fnmatchcase(part, wanted[at]):
                following.add(at + 1)
        reached = _past_stars(wanted, following)
    return len(wanted) in reached


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """True when a path matches one of several globs."""
    return any(matches(path, pattern) for pattern in patterns)


def _past_stars(wanted: list[str], reached: set[int]) -> set[int]:
    found = set(reached)
    for at in sorted(reached):
        while at < len(wanted) and wanted[at] == "**":
            at += 1
            found.add(at)
    return found
