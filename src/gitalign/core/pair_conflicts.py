"""Which pairs of aligned branches can clash at all: pruning by what each of them changes.

Pure. Branches that stand on the same target and share nothing above it are merged with the target's tip as base. git's merge
can only conflict where both sides change one path, where one side's path is a folder of the other's, or where one side added a file to a folder
the other renamed away; everything else is proved clean without a merge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from gitalign.core.conflict import Conflict
from gitalign.core.hunks import Hunk
from gitalign.core.names import Oid

FileVersion = tuple[bytes, bytes]
"""Mode and blob of a file."""


class PathChange(NamedTuple):
    """What a branch did to one path: the file before and after, None where the path is not there."""

    path: bytes
    before: FileVersion | None
    after: FileVersion | None


class Basis(StrEnum):
    """What of two branches was merged."""

    ALIGNED = "aligned"
    """Both as they stand, or would once aligned, on their target."""
    PARTIAL = "partial"
    """At least one does not align: what git merges of it with the target, without the files at which that stops."""
    AS_THEY_STAND = "as_they_stand"
    """At least one does not align and they share commits: their tips, on the bases git finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairConflict:
    """Two branches that cannot both land on their target without a person.

    Attributes:
        one, other: branch names, sorted.
        target: of both.
        basis: what of them was merged.
        conflicts: as git names them.
        paths: conflicted paths, sorted.
        sources: further paths by which either side knows those files: before a rename, or in a folder that was renamed.
        hunks: where in those files, as far as they are text.
        hunks_left_out: how many more there are.
        one_commits, other_commits: commits of each branch that touch those paths or sources, oldest first.
    """

    one: str
    other: str
    target: str
    basis: Basis
    conflicts: tuple[Conflict, ...]
    paths: tuple[str, ...]
    sources: tuple[str, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    hunks_left_out: int = 0
    one_commits: tuple[Oid, ...] = ()
    other_commits: tuple[Oid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A path at which branches stop on their target and that others change, too.

    What a stopping branch makes of the path is not known until a person has resolved it, so whether it clashes with any
    other of these branches is not known either.

    Attributes:
        stopping: branches whose merge with the target stops here, sorted.
        changing: branches that change the path and merge cleanly here, sorted.
    """

    target: str
    path: str
    stopping: tuple[str, ...]
    changing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmergedPair:
    """Two branches that git could not merge, and why."""

    one: str
    other: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCount:
    """How the pairs of one target were decided: `pairs` is the sum of `pruned`, `merged`, `undecided` and `failed`.

    Attributes:
        branches: branches that stand on the target, or would once aligned.
        partial: branches that do not, compared as far as git merges them.
        left_out: branches that were compared with no other: nothing of them can be merged with the target.
        pairs: of `branches` and `partial`.
        pruned: pairs proved clean by what they change.
        merged: pairs merged by git.
        undecided: pairs that meet at a path at which one of them stops (`Contest`).
        failed: pairs git could not merge.
        clashing: merged pairs that conflict.
    """

    target: str
    branches: int
    partial: int
    left_out: int
    pairs: int
    pruned: int
    merged: int
    undecided: int
    failed: int
    clashing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairConflictMap:
    """Which branches clash with one another, target by target."""

    counts: tuple[PairCount, ...]
    clashes: tuple[PairConflict, ...]
    contests: tuple[Contest, ...]
    unmerged: tuple[UnmergedPair, ...]


def may_conflict(target_paths: Iterable[bytes], changed: Sequence[Sequence[PathChange]]) -> list[tuple[int, int]]:
    """Pairs of positions in `changed` that are not proved clean, in order.

    Args:
        target_paths: every file of the target.
        changed: for each branch, what it changes against the target. Renames are a path gone and a path added.

    Source: merge-ort.c (collect_merge_info_callback resolves what one side left alone or both made the same;
    get_provisional_directory_renames wants the folder gone on the renaming side).
    """
    sizes = Counter(folder for path in target_paths for folder in folders_of(path))
    touching: dict[bytes, int] = defaultdict(int)
    same: dict[PathChange, int] = defaultdict(int)
    emptying: dict[bytes, int] = defaultdict(int)
    for number, changes in enumerate(changed):
        bit = 1 << number
        for change in changes:
            touching[change.path] |= bit
            if change.before and change.after:
                same[change] |= bit
        for folder in emptied_folders(sizes, changes):
            emptying[folder] |= bit
    masks = [_partners(changes, touching, same, emptying) for changes in changed]
    pairs: set[tuple[int, int]] = set()
    for number, mask in enumerate(masks):
        pairs.update((min(number, other), max(number, other)) for other in _bits(mask) if other != number)
    return sorted(pairs)


def sharing(own: Sequence[Collection[str]]) -> set[tuple[int, int]]:
    """Pairs of positions that have a commit above the target in common.

    Such branches meet above the target, so what each changes against the target proves nothing about the two.

    Args:
        own: for each branch, names of its commits above the target.
    """
    holders: dict[str, int] = defaultdict(int)
    for number, commits in enumerate(own):
        for commit in commits:
            holders[commit] |= 1 << number
    return {pair for mask in set(holders.values()) for pair in combinations(_bits(mask), 2)}


def other_names(
    paths: Collection[bytes], blobs: Collection[bytes], sides: Sequence[Collection[PathChange]]
) -> set[bytes]:
    """Paths by which two sides know conflicted files besides the conflicted ones.

    Args:
        paths: conflicted paths.
        blobs: ids of the versions in conflict.
        sides: what each side changes.
    """
    found = {
        change.path
        for changes in sides
        for change in changes
        if any(version is not None and version[1] in blobs for version in (change.before, change.after))
    }
    # Where a side changes none of these, it renamed the folder they lie in, or lay in.
    for changes in sides:
        known = {*paths, *found}
        if not any(change.path in known for change in changes):
            folders = {folder for path in known for folder in folders_of(path) if folder}
            found |= {
                change.path
                for change in changes
                if change.after is None and any(folder in folders for folder in folders_of(change.path))
            }
    return found - set(paths)


def find_contests(
    changed: Sequence[Collection[PathChange]], unresolved: Sequence[Collection[bytes]]
) -> tuple[dict[bytes, tuple[int, int]], list[int]]:
    """Paths at which a branch stops and that another branch changes, or stops at, too.

    Args:
        changed: for each branch, what it changes.
        unresolved: for each branch, where it stops.

    Returns:
        path -> branches that stop there and branches that change it, as bits by position; and for each branch those it is
        undecided with.
    """
    stopping: dict[bytes, int] = defaultdict(int)
    for number, paths in enumerate(unresolved):
        for path in paths:
            stopping[path] |= 1 << number
    changing = dict.fromkeys(stopping, 0)
    for number, changes in enumerate(changed):
        for change in changes:
            if change.path in changing:
                changing[change.path] |= 1 << number
    found: dict[bytes, tuple[int, int]] = {}
    partners = [0] * len(changed)
    for path, stops in stopping.items():
        changes_it = changing[path] & ~stops
        everybody = stops | changes_it
        if everybody & (everybody - 1):
            found[path] = (stops, changes_it)
            for number in _bits(stops):
                partners[number] |= everybody & ~(1 << number)
            for number in _bits(changes_it):
                partners[number] |= stops
    return found, partners


def positions(mask: int) -> list[int]:
    """The positions whose bits are set, ascending."""
    return list(_bits(mask))


def _partners(
    changes: Sequence[PathChange],
    touching: Mapping[bytes, int],
    same: Mapping[PathChange, int],
    emptying: Mapping[bytes, int],
) -> int:
    mask = 0
    for change in changes:
        # Both made the same of a file that was there: decided before renames are looked for.
        mask |= touching[change.path] & ~(same[change] if change.before and change.after else 0)
        for folder in folders_of(change.path):
            mask |= touching.get(folder, 0)
            if change.before is None:
                mask |= emptying.get(folder, 0)
    return mask


def emptied_folders(sizes: Mapping[bytes, int], changes: Sequence[PathChange]) -> Iterator[bytes]:
    """Folders of the target that hold no file afterwards."""
    left: dict[bytes, int] = {}
    for change in changes:
        step = (change.after is not None) - (change.before is not None)
        if step:
            for folder in folders_of(change.path):
                left[folder] = left.get(folder, sizes.get(folder, 0)) + step
    return (folder for folder, count in left.items() if not count and sizes.get(folder))


def folders_of(path: bytes) -> Iterator[bytes]:
    """Every folder a path lies in, the root (empty) last."""
    while path:
        path = path.rpartition(b"/")[0]
        yield path


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
