"""Faults that no single file shows: files that vanished, paths that differ in case alone, files too large."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from gitalign.core.findings import Finding, Severity
from gitalign.core.names import display
from gitalign.core.pair_conflicts import PathChange, folders_of
from gitalign.git.command import text

_MOST = 20


def folded(path: bytes) -> bytes:
    """A path as a file system sees it that knows no case and one form of each letter."""
    name = path.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", name.casefold()).encode("utf-8", "surrogateescape")


class FoldedTree:
    """The paths and folders of a tree, by their folded form.

    Args:
        paths: every file.
    """

    def __init__(self, paths: Iterable[bytes]) -> None:
        self._spelled: dict[bytes, bytes] = {}
        self._seen: set[bytes] = set()
        for path in paths:
            self._add(path)

    def spelled(self, path: bytes) -> bytes | None:
        """How the tree spells a path that folds to the same, None when it has none."""
        return self._spelled.get(folded(path))

    def _add(self, path: bytes) -> None:
        self._spelled.setdefault(folded(path), path)
        for folder in folders_of(path):
            if not folder or folder in self._seen:
                break
            self._seen.add(folder)
            self._spelled.setdefault(folded(folder), folder)


def _places(path: bytes) -> list[bytes]:
    return [path, *(folder for folder in folders_of(path) if folder)]


def case_collisions(
    changes: Sequence[PathChange], target: FoldedTree, *, in_branch: Collection[bytes]
) -> list[Finding]:
    """`path_case_collision`: an added path that some file systems cannot keep apart from another.

    Args:
        changes: from the target to the result.
        target: the target's tree.
        in_branch: paths the branch itself added; a collision among them was there before.
    """
    gone = {change.path for change in changes if change.after is None}
    added = [change.path for change in changes if change.before is None]
    mine: dict[bytes, bytes] = {}
    found: list[Finding] = []
    for path in added:
        for place in _places(path):
            there = target.spelled(place)
            other = mine.setdefault(folded(place), place)
            clash = there if there is not None and there != place and there not in gone else other
            if clash == place:
                continue
            both_mine = path in in_branch and (clash in in_branch or clash == other != there)
            found.append(
                Finding(
                    code="path_case_collision",
                    severity=Severity.WARNING,
                    message=f"{display(text(place))} and {display(text(clash))} are one path where case does not count",
                    path=text(path),
                    detector="paths",
                    introduced_by="branch" if both_mine else "integration",
                )
            )
            break
    return found[:_MOST]


def vanished(changes: Sequence[PathChange]) -> list[PathChange]:
    """Files of the target that the result has not, not even under another name."""
    moved = {change.after for change in changes if change.before is None}
    return [change for change in changes if change.after is None and change.before not in moved]


def deleted_by_nobody(gone: Sequence[PathChange], taken: Collection[bytes]) -> list[Finding]:
    """`module_deleted`: the target has the file, the result has not, and no commit of the branch took it away.

    Args:
        gone: files that vanished.
        taken: paths that commits of the branch deleted.
    """
    return [
        Finding(
            code="module_deleted",
            severity=Severity.CRITICAL,
            message="the target has this file, the result has not, and no commit of the branch deleted it",
            path=text(change.path),
            detector="paths",
            introduced_by="integration",
        )
        for change in gone
        if change.path not in taken
    ][:_MOST]


def too_large(changes: Sequence[PathChange], sizes: Mapping[bytes, int], *, most_bytes: int) -> list[Finding]:
    """`large_blob`: a file the branch adds or makes larger than allowed.

    Args:
        changes: from the target to the result.
        sizes: bytes by blob id.
        most_bytes: allowed.
    """
    return [
        Finding(
            code="large_blob",
            severity=Severity.WARNING,
            message=f"{size:,} bytes; more than {most_bytes:,} are allowed",
            path=text(change.path),
            detector="paths",
            introduced_by="branch",
        )
        for change in changes
        if change.after is not None and (size := sizes.get(change.after[1], 0)) > most_bytes
    ]


def unreadable(changes: Iterable[PathChange], sizes: Mapping[bytes, int | None]) -> list[Finding]:
    """`content_missing`: files of which nothing could be looked at, because this copy of the repository lacks their content."""
    return [
        Finding(
            code="content_missing",
            severity=Severity.WARNING,
            message="its content is not in this copy of the repository; nothing was looked for in it",
            path=text(change.path),
            detector="paths",
        )
        for change in changes
        if change.after is not None and sizes.get(change.after[1], 0) is None
    ]
