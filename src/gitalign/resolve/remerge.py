"""Settling a merge that is made again as the merge commit settled it the first time: the very same conflicts only."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.conflict import RESOLVED_IN_MERGE, AppliedResolution
from gitalign.git.command import Git
from gitalign.git.trees import merge_file
from gitalign.ports import ConflictedFile, Proposal, ResolvedFile, UnresolvedFile
from gitalign.resolve.rerere import NormalisedConflict, Unbalanced, holds_conflict, normalise


class RemergeResolver:
    """Answers the conflicts of one merge from what the old merge commit held. Implements `ports.ConflictResolver`.

    Args:
        files: files that conflicted in the old merge. One that went in with conflict markers teaches nothing.
        git: merges files.
        object_format: of the repository.
    """

    def __init__(self, files: Sequence[ResolvedFile], *, git: Git, object_format: str) -> None:
        self._git = git
        self._format = object_format
        self._known: dict[str, tuple[ResolvedFile, NormalisedConflict]] = {}
        for file in files:
            conflict = self._conflict(file.marked, file.marker_size)
            if conflict is not None and not holds_conflict(file.resolved, marker_size=file.marker_size):
                self._known[file.path] = (file, conflict)

    @property
    def key(self) -> str:
        """What it answers depends on the merge commit alone."""
        return ""

    def knows(self, file: ConflictedFile) -> str | None:
        """See `ports.ConflictResolver.knows`."""
        found = self._same(file)
        return found[1].id if found is not None else None

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return self._same(file) is not None

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        found = self._same(file)
        now = self._conflict(file.marked, file.marker_size)
        if found is None or now is None:
            return None
        before, conflict = found
        content = merge_file(self._git, ours=now.image, base=conflict.image, theirs=before.resolved)
        if content is None or holds_conflict(content, marker_size=file.marker_size):
            return UnresolvedFile(
                reason=f"what merge {before.merge[:12]} made of it does not fit the file around the conflict"
            )
        told = AppliedResolution(
            commit=None,
            path="",
            conflict=conflict.id,
            source=f"that is in merge {before.merge[:12]} of the branch itself",
            resolver=RESOLVED_IN_MERGE,
        )
        return Proposal(content=content, resolution=told)

    def _same(self, file: ConflictedFile) -> tuple[ResolvedFile, NormalisedConflict] | None:
        before = self._known.get(file.path)
        now = self._conflict(file.marked, file.marker_size)
        return before if before is not None and now is not None and before[1].id == now.id else None

    def _conflict(self, marked: bytes, marker_size: int) -> NormalisedConflict | None:
        try:
            return normalise(marked, marker_size=marker_size, object_format=self._format)
        except Unbalanced:
            return None


def taught_by_merges(git: Git, object_format: str, files: Sequence[ResolvedFile]) -> RemergeResolver:
    """A `ports.MergeResolverMaker`, once its first two arguments are given."""
    return RemergeResolver(files, git=git, object_format=object_format)
