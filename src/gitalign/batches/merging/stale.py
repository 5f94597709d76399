"""Stale reverts: a result that takes back what its target gained since the result's task began.

A three-way merge keeps what the target gained. A result can take it back all the same: a task that copies an old file over a
new one, or merges the target and keeps its own side. git sees a change like any other; this looks for the opposite of changes
that the target made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gitalign.core.names import Oid, display
from gitalign.git.command import Git, text
from gitalign.git.diffs import path_changes

_MOST_PATHS = 2_000
_A_HUNK = re.compile(rb"@@ -([0-9]+)[0-9,]* \+([0-9]+)[0-9,]* @@")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRevert:
    """A file in which something of the target is taken back.

    Attributes:
        path: of it.
        is_whole: the file is as it was when the task began.
        hunks: changes of the target that are taken back, where it is not the whole file.
    """

    path: str
    is_whole: bool
    hunks: int = 0


def stale_reverts(git: Git, *, base: Oid, onto: Oid, merged: Oid) -> tuple[StaleRevert, ...]:
    """What a merge takes back of what the target gained.

    Args:
        git: sees all three.
        base: the target when the task began.
        onto: the target now, or what was merged onto it before.
        merged: the merge of the result onto it.

    Raises:
        GitError
    """
    if base == onto:
        return ()
    changes = dict(path_changes(git, [(base, onto), (onto, merged)]))
    gained = {one.path: one for one in changes.get((base, onto), ())}
    lost = {one.path: one for one in changes.get((onto, merged), ())}
    shared = sorted(gained.keys() & lost.keys())
    found: list[StaleRevert] = []
    rest: list[bytes] = []
    for path in shared:
        if gained[path].before == lost[path].after:
            found.append(StaleRevert(path=text(path), is_whole=True))
        else:
            rest.append(path)
    for path in rest[:_MOST_PATHS]:
        undone = _undone(git, base, onto, merged, path)
        if undone:
            found.append(StaleRevert(path=text(path), is_whole=False, hunks=undone))
    return tuple(sorted(found, key=lambda one: one.path))


def stale_words(name: str, reverts: Sequence[StaleRevert]) -> str:
    """Stale reverts of a result in one line."""
    named = ", ".join(display(one.path) for one in reverts[:3])
    more = f" and {len(reverts) - 3} more" if len(reverts) > 3 else ""
    return f"{name} takes back what the target gained since the task began, in {named}{more}"


@dataclass(frozen=True, slots=True)
class _Hunk:
    """A hunk of a change, with where it stands on each side."""

    old_at: int
    old: bytes
    new_at: int
    new: bytes


def _undone(git: Git, base: Oid, onto: Oid, merged: Oid, path: bytes) -> int:
    """How many hunks of the target's change are made undone, in the very place where they stand in the target."""
    gained = {(one.new_at, one.new, one.old) for one in _hunks(git, base, onto, path)}
    return sum((one.old_at, one.old, one.new) in gained for one in _hunks(git, onto, merged, path))


def _hunks(git: Git, before: Oid, after: Oid, path: bytes) -> Iterator[_Hunk]:
    """The hunks of a change; none of a binary file."""
    words = ("diff-tree", "-p", "-U0", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", before, after)
    output = git.run(*words, "--", f":(top,literal){text(path)}").stdout
    places: list[tuple[int, int]] = []
    sides: list[tuple[list[bytes], list[bytes]]] = []
    for line in output.split(b"\n"):
        if found := _A_HUNK.match(line):
            places.append((int(found[1]), int(found[2])))
            sides.append(([], []))
        elif sides and line.startswith(b"-"):
            sides[-1][0].append(line)
        elif sides and line.startswith(b"+"):
            sides[-1][1].append(line)
    for (old_at, new_at), (old, new) in zip(places, sides, strict=True):
        lines = [b"\n".join(line[1:] for line in side) + b"\n" * bool(side) for side in (old, new)]
        yield _Hunk(old_at, lines[0], new_at, lines[1])
