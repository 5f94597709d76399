"""What a branch changes, made small: hundreds of branches of thousands of changed files must fit in little memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from gitalign.categorize.paths import is_core
from gitalign.core.pair_conflicts import PathChange, emptied_folders, folders_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The changes of a branch since it left its target.

    Attributes:
        paths: all changed paths, in git's order.
        edited, added, deleted: how many of each.
        core_edited: how many edited paths are core files.
        core_deleted: whether a core file is deleted.
        result: digest of what is left at each changed path; equal ones are the same change to the eye.
    """

    paths: tuple[bytes, ...]
    edited: int
    added: int
    deleted: int
    core_edited: int
    core_deleted: bool
    result: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far the files of a branch are from those of its target's tip.

    Attributes:
        files: of the branch.
        differing: paths that differ, on either side.
        either: paths that branch or target has.
        folders, shared_folders, either_folders: folders of the branch, of both, of either.
        apart_at_its_own: whether any path the branch changed differs.
    """

    files: int
    differing: int
    either: int
    folders: int
    shared_folders: int
    either_folders: int
    apart_at_its_own: bool


class Interner:
    """Keeps one copy of each path, however many branches change it."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def __call__(self, path: bytes) -> bytes:
        """The copy that is kept."""
        return self._known.setdefault(path, path)


def footprint(changes: Iterable[PathChange], intern: Interner) -> Footprint:
    """The small form of a branch's changes."""
    paths: list[bytes] = []
    result = blake2b(digest_size=16)
    edited = added = deleted = core_edited = 0
    core_deleted = False
    for path, before, after in changes:
        result.update(path + b"\0" + (b" ".join(after) if after else b"") + b"\0")
        paths.append(intern(path))
        if before is None:
            added += 1
        elif after is None:
            deleted += 1
            core_deleted = core_deleted or is_core(path)
        else:
            edited += 1
            core_edited += is_core(path)
    return Footprint(
        paths=tuple(paths),
        edited=edited,
        added=added,
        deleted=deleted,
        core_edited=core_edited,
        core_deleted=core_deleted,
        result=result.digest(),
    )


def distance(changes: Sequence[PathChange], target_folders: Mapping[bytes, int], own: Collection[bytes]) -> Distance:
    """Measure a branch against its target's tip.

    Args:
        changes: from the target's tip to the branch's.
        target_folders: files of the target below each folder; the root is the empty name.
        own: paths the branch changed since it left.
    """
    added = sum(change.before is None for change in changes)
    deleted = sum(change.after is None for change in changes)
    there = target_folders.get(b"", 0)
    gone = len(set(emptied_folders(target_folders, changes)) - {b""})
    new: set[bytes] = set()
    for change in changes:
        if change.before is None:
            for folder in folders_of(change.path):
                if folder in new or folder in target_folders:
                    break
                new.add(folder)
    new.discard(b"")
    folders = len(target_folders) - (b"" in target_folders)
    return Distance(
        files=there + added - deleted,
        differing=len(changes),
        either=there + added,
        folders=folders - gone + len(new),
        shared_folders=folders - gone,
        either_folders=folders + len(new),
        apart_at_its_own=any(change.path in own for change in changes),
    )
