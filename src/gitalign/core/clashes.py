"""Which pairs of aligned branches can clash at all: pruning by what each of them changes.

Pure. Branches that stand on the same target and share nothing above it are merged with the target's tip as base. git's merge can only conflict where
both sides change one path, where one side's path is a folder of the other's, or where one side added a file to a folder
the other renamed away; everything else is proved clean without a merge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from gitalign.core.outcome import Conflict

FileVersion = tuple[bytes, bytes]
"""Mode and blob of a file."""


class PathChange(NamedTuple):
    """What a branch did to one path: the file before and after, None where the path is not there."""

    path: bytes
    before: FileVersion | None
    after: FileVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Two branches that cannot both land on their target without a person.

    Attributes:
        one, other: branch names, sorted.
        target: on which both align cleanly.
        conflicts: as git names them.
        paths: conflicted paths, sorted.
    """

    one: str
    other: str
    target: str
    conflicts: tuple[Conflict, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCount:
    """How the pairs of one target were decided.

    Attributes:
        branches: branches that stand on the target, or would once aligned.
        left_out: branches that do not, and so were compared with nobody.
        pairs: of `branches`.
        pruned: pairs proved clean by what they change.
        merged: pairs merged by git.
        clashing: merged pairs that conflict.
    """

    target: str
    branches: int
    left_out: int
    pairs: int
    pruned: int
    merged: int
    clashing: int


def may_clash(target_paths: Iterable[bytes], changed: Sequence[Sequence[PathChange]]) -> list[tuple[int, int]]:
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
