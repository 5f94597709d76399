"""Stale reverts: a result that takes back what its target gained since the result began.

A three-way merge keeps what the target gained. A result can take it back all the same: a task that copies an old file over a
new one, or merges the target and keeps its own side. git sees a change like any other; this looks for the opposite of changes
that the target made. A revert that says which commit it reverts, as `git revert` does, is meant and counts for none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid, display
from gitalign.core.pair_conflicts import PathChange
from gitalign.git.command import Git, text
from gitalign.git.diffs import path_changes

_MOST_PATHS = 2_000
_A_HUNK = re.compile(rb"@@ -([0-9]+)[0-9,]* \+([0-9]+)[0-9,]* @@")
_AN_INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")
_A_STATED_REVERT = re.compile(rb"^This reverts commit ([0-9a-f]{40,64})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRevert:
    """A file in which something of the target is taken back.

    Attributes:
        path: of it.
        is_whole: the file is as it was when the result began.
        hunks: changes of the target that are taken back, where it is not the whole file.
    """

    path: str
    is_whole: bool
    hunks: int = 0


def stale_refusal(git: Git, member: Member, *, target: Oid, known: Sequence[Oid], onto: Oid, merged: Oid) -> str:
    """Why a result may not land for what it takes back; empty when it takes nothing back.

    Args:
        git: sees everything.
        member: the result.
        target: tip of the target.
        known: tips of results that were merged before it.
        onto: what it was merged onto.
        merged: the merge.

    Raises:
        GitError
    """
    base = member.base or began_on(git, member.tip, known=[target, *known])
    if base is None:
        return ""
    reverts = stale_reverts(git, base=base, onto=onto, merged=merged)
    if reverts:
        meant = _meant(git, member.tip, base=base, target=target, known=known)
        reverts = tuple(one for one in reverts if one.path not in meant)
    return stale_words(member.name, reverts) if reverts else ""


def began_on(git: Git, tip: Oid, *, known: Sequence[Oid]) -> Oid | None:
    """The commit that a branch began on: the first of its first parents that something else has; None where there is none.

    A merge base would not do: merging the target into the branch moves it, and with it everything that the merge threw away.

    Args:
        git: sees all of them.
        tip: of the branch.
        known: tips of the target, and of what was merged before the branch.

    Raises:
        GitError

    Source: `git help rev-list` (--first-parent, --boundary).
    """
    wanted = "\n".join([tip, *(f"^{oid}" for oid in known)]).encode("ascii") + b"\n"
    words = ("rev-list", "--first-parent", "--parents", "--stdin")
    lines = text(git.run(*words, stdin=wanted).stdout).split("\n")[:-1]
    parents = lines[-1].split(" ")[1:] if lines else [tip]
    return Oid(parents[0]) if parents else None


def _meant(git: Git, tip: Oid, *, base: Oid, target: Oid, known: Sequence[Oid]) -> frozenset[str]:
    """Paths of changes that commits of a result say they revert, of those that the target made since the result began."""
    wanted = "\n".join([tip, *(f"^{oid}" for oid in (target, *known))]).encode("ascii") + b"\n"
    messages = git.run("log", "--format=%B%x00", "--stdin", stdin=wanted).stdout
    named = {Oid(oid.decode("ascii")) for oid in _A_STATED_REVERT.findall(messages)}
    if not named:
        return frozenset()
    others = [f"^{base}", target, *known]
    gained = set(text(git.run("rev-list", "--stdin", stdin="\n".join(others).encode("ascii") + b"\n").stdout).split())
    pairs = []
    for oid in named & gained:
        parents = git.lines("rev-list", "--parents", "--max-count=1", oid)[0].split(" ")[1:]
        pairs += [(Oid(parents[0]), oid)] if parents else []
    return frozenset(text(change.path) for _, changes in path_changes(git, pairs) for change in changes)


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
    found = [StaleRevert(path=text(path), is_whole=True) for path in shared if gained[path].before == lost[path].after]
    rest = [path for path in shared if gained[path].before != lost[path].after][:_MOST_PATHS]
    if rest:
        of_target, of_merge = _hunks(git, base, onto, rest), _hunks(git, onto, merged, rest)
        for path in rest:
            there = {(one.new_at, one.new, one.old) for one in of_target.get(_key(gained[path]), ())}
            undone = sum((one.old_at, one.old, one.new) in there for one in of_merge.get(_key(lost[path]), ()))
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


_Key = tuple[bytes, bytes]


def _key(change: PathChange) -> _Key:
    """The contents of a file before and after, by id."""
    blobs = [version[1] if version is not None else b"" for version in (change.before, change.after)]
    nothing = b"0" * max(map(len, blobs))
    return blobs[0] or nothing, blobs[1] or nothing


def _hunks(git: Git, before: Oid, after: Oid, paths: Sequence[bytes]) -> Mapping[_Key, Sequence[_Hunk]]:
    """The hunks of files, by contents before and after; none of binary files. One process for all of them.

    Source: `git help diff-tree` (--full-index, -U0).
    """
    words = ("diff-tree", "-p", "-U0", "--full-index", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color")
    output = git.run(*words, before, after, "--", *(f":(top,literal){text(path)}" for path in paths)).stdout
    found: dict[_Key, list[_Hunk]] = {}
    key: _Key = (b"", b"")
    lines = output.split(b"\n")
    for number, line in enumerate(lines):
        if index := _AN_INDEX.match(line):
            key = (index[1], index[2])
        elif place := _A_HUNK.match(line):
            found.setdefault(key, []).extend(_units(int(place[1]), int(place[2]), lines, number + 1))
    return found


def _units(old_at: int, new_at: int, lines: Sequence[bytes], start: int) -> Iterator[_Hunk]:
    """A hunk; line by line where both sides have as many lines, so that one of several lines taken back is seen."""
    old: list[bytes] = []
    new: list[bytes] = []
    for line in islice(lines, start, None):
        if line.startswith(b"-"):
            old.append(line[1:])
        elif line.startswith(b"+"):
            new.append(line[1:])
        elif not line.startswith(b"\\"):
            break
    if len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield _Hunk(old_at + number, one, new_at + number, other)
    else:
        yield _Hunk(old_at, b"\n".join(old), new_at, b"\n".join(new))
