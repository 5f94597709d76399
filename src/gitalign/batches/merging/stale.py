"""Stale reverts: a result that takes back what its target gained since the result began.

A three-way merge keeps what the target gained. A result can take it back all the same: a task that copies an old file over a
new one, or merges the target and keeps its own side. git sees a change like any other; this looks for the opposite of changes
that the target made. A revert that says which commit it reverts, as `git revert` does, is meant and counts for none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gitalign.batches.merging.containment import Containment
from gitalign.batches.merging.merge_members import MergedMembers
from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid, display
from gitalign.core.pair_conflicts import PathChange
from gitalign.errors import MissingObject
from gitalign.git.command import Git, text
from gitalign.git.diffs import Pair, path_changes
from gitalign.git.line_diffs import line_diffs

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedResult:
    """A result as it was merged.

    Attributes:
        member: the result.
        base: the commit that it began on.
        known: tips of the target, and of results that were merged before it.
        onto: what it was merged onto.
        merged: the merge.
    """

    member: Member
    base: Oid
    known: tuple[Oid, ...]
    onto: Oid
    merged: Oid


def merged_results(
    members: Sequence[Member], merged: MergedMembers, *, target: Oid, containment: Containment
) -> list[MergedResult]:
    """The results that were merged, in order; without those that have a root of their own, which began on nothing.

    Args:
        members: in order.
        merged: what merging them came to.
        target: tip of the target.
        containment: of the results.
    """
    found: list[MergedResult] = []
    before: list[Member] = []
    for member in members:
        if member.name in merged.commits:
            base = member.base or containment.began_on(member.tip, {one.name for one in before})
            if base is not None:
                known = (target, *(one.tip for one in before))
                onto, commit = merged.unions[member.name], merged.commits[member.name]
                found.append(MergedResult(member=member, base=base, known=known, onto=onto, merged=commit))
            before.append(member)
    return found


def stale_refusal(git: Git, results: Sequence[MergedResult]) -> tuple[str, str]:
    """The first result that may not land for what it takes back, and why; empty words where there is none.

    Args:
        git: sees everything.
        results: in order.

    Raises:
        GitError
    """
    for result, reverts in zip(results, taken_back(git, results), strict=True):
        if reverts:
            meant = _meant(git, result)
            left = [one for one in reverts if one.path not in meant]
            if left:
                return result.member.name, stale_words(result.member.name, left)
    return "", ""


def _meant(git: Git, result: MergedResult) -> frozenset[str]:
    """Paths of changes that commits of a result say they revert, of those that the target made since the result began."""
    wanted = "\n".join([result.member.tip, *(f"^{oid}" for oid in result.known)]).encode("ascii") + b"\n"
    messages = git.run("log", "--format=%B%x00", "--stdin", stdin=wanted).stdout
    named = {Oid(oid.decode("ascii")) for oid in _A_STATED_REVERT.findall(messages)}
    if not named:
        return frozenset()
    wanted = "\n".join([f"^{result.base}", *result.known]).encode("ascii") + b"\n"
    rows = map(str.split, text(git.run("rev-list", "--parents", "--stdin", stdin=wanted).stdout).splitlines())
    pairs = [(Oid(row[1]), Oid(row[0])) for row in rows if row[0] in named and len(row) > 1]
    return frozenset(text(change.path) for changes in _changes(git, pairs).values() for change in changes)


def taken_back(git: Git, results: Sequence[MergedResult]) -> list[tuple[StaleRevert, ...]]:
    """What each merge takes back of what the target gained; all of them are compared by the same few processes."""
    gained = _changes(git, [(one.base, one.onto) for one in results if one.base != one.onto])
    lost = _changes(git, [(one.onto, one.merged) for one in results])
    shared: list[list[tuple[PathChange, PathChange]]] = []
    for one in results:
        before = {change.path: change for change in gained.get((one.base, one.onto), ())}
        shared.append(
            [(before[after.path], after) for after in lost[one.onto, one.merged] if after.path in before][:_MOST_PATHS]
        )
    unclear = [number for number, changes in enumerate(shared) if any(one.before != two.after for one, two in changes)]
    paths = {one.path for number in unclear for one, two in shared[number] if one.before != two.after}
    pairs = [(results[number].base, results[number].onto) for number in unclear]
    pairs += [(results[number].onto, results[number].merged) for number in unclear]
    hunks = _hunks(git, pairs, sorted(paths)) if pairs else {}
    return [tuple(_reverts(changes, hunks)) for changes in shared]


def _reverts(
    changes: Sequence[tuple[PathChange, PathChange]], hunks: Mapping[_Key, Collection[_Hunk]]
) -> Iterator[StaleRevert]:
    """Stale reverts among what the target and a merge changed of the same paths."""
    for gained, lost in changes:
        if gained.before == lost.after:
            yield StaleRevert(path=text(lost.path), is_whole=True)
            continue
        there = {(one.new_at, one.new, one.old) for one in hunks.get(_key(gained), ())}
        undone = sum((one.old_at, one.old, one.new) in there for one in hunks.get(_key(lost), ()))
        if undone:
            yield StaleRevert(path=text(lost.path), is_whole=False, hunks=undone)


def _changes(git: Git, pairs: Sequence[Pair]) -> dict[Pair, tuple[PathChange, ...]]:
    """What changes from one commit to another, for every pair.

    Raises:
        MissingObject: some cannot be compared, so nothing is known of them.
    """
    missing: dict[Pair, Oid] = {}
    found = dict(path_changes(git, pairs, missing=missing))
    if missing:
        (before, after), oid = next(iter(missing.items()))
        words = f"{before[:12]} and {after[:12]} cannot be compared: {oid} is not in the repository"
        raise MissingObject(words, hint="git fetch --refetch")
    return found


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


def _hunks(git: Git, pairs: Sequence[Pair], paths: Sequence[bytes]) -> Mapping[_Key, Collection[_Hunk]]:
    """The hunks of files, by contents before and after; none of binary files. The same contents count once."""
    found: dict[_Key, set[_Hunk]] = {}
    key: _Key = (b"", b"")
    lines = line_diffs(git, pairs, paths).split(b"\n")
    for number, line in enumerate(lines):
        if index := _AN_INDEX.match(line):
            key = (index[1], index[2])
        elif place := _A_HUNK.match(line):
            found.setdefault(key, set()).update(_units(int(place[1]), int(place[2]), lines, number + 1))
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
