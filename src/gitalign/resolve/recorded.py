"""Applying what was recorded, as `git rerere` does: a three-way merge of this file, the file then, and what was made of it."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from gitalign.core.conflict import AppliedResolution
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.git.repository import Repository
from gitalign.git.trees import merge_file
from gitalign.ports import ConflictedFile, Proposal, UnresolvedFile
from gitalign.resolve.entries import Resolution
from gitalign.resolve.recorded_resolutions import RecordedResolutions, ResolutionReader
from gitalign.resolve.rerere import NormalisedConflict, Unbalanced, holds_conflict, normalise

_KEPT = 1_000


class RecordedResolver:
    """Answers conflicts from a memory. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        memory: read at the start; what is recorded later is not seen.
        repository: where contents are.
    """

    def __init__(self, recorded: RecordedResolutions, repository: Repository) -> None:
        self._memory = recorded
        self._shelf = ResolutionReader(recorded, repository)
        self._git = repository.git
        self._format = repository.object_format
        self._lock = threading.Lock()
        self._answers: LRUCache[tuple[int, bytes], Proposal | UnresolvedFile | None] = LRUCache(_KEPT)
        if not recorded.is_empty:
            self._shelf.start()

    @property
    def key(self) -> str:
        """Changes with what is recorded."""
        return self._memory.key

    def knows(self, file: ConflictedFile) -> str | None:
        """See `ports.ConflictResolver.knows`."""
        conflict = self._conflict(file)
        return conflict.id if conflict is not None else None

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return self._conflict(file) is not None

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        conflict = self._conflict(file)
        if conflict is None:
            return None
        # Branches that stop at the same clash bring the same image.
        asked = (file.marker_size, conflict.image)
        with self._lock:
            if asked in self._answers:
                return self._answers[asked]
        made = self._applied(conflict, file.marker_size)
        with self._lock:
            self._answers[asked] = made
        return made

    def _conflict(self, file: ConflictedFile) -> NormalisedConflict | None:
        """The file's conflict, if it is on record."""
        try:
            found = normalise(file.marked, marker_size=file.marker_size, object_format=self._format)
        except Unbalanced:
            return None
        return found if found is not None and found.id in self._memory.entries else None

    def close(self) -> None:
        """End the process that reads."""
        self._shelf.close()

    def _applied(self, conflict: NormalisedConflict, marker_size: int) -> Proposal | UnresolvedFile:
        fitting: dict[bytes, tuple[int, Resolution]] = {}
        faults: list[str] = []
        for number, entry in enumerate(self._memory.entries[conflict.id]):
            one = self._shelf.get(entry)
            if isinstance(one, str):
                faults.append(f"what is recorded for {conflict.id[:12]} cannot be used: {one}")
                continue
            merged = merge_file(self._git, ours=conflict.image, base=one.preimage, theirs=one.postimage)
            # A clean merge may still have left a conflict alone: then it settled something else.
            if merged is not None and not holds_conflict(merged, marker_size=marker_size):
                fitting.setdefault(merged, (number, one))
        if len(fitting) > 1:
            return UnresolvedFile(
                reason=f"{len(fitting)} resolutions of conflict {conflict.id[:12]} disagree; git align resolutions show {conflict.id[:12]}",
                is_disputed=True,
            )
        if not fitting:
            return UnresolvedFile(
                reason=faults[0]
                if faults
                else f"the resolution of conflict {conflict.id[:12]} does not fit the file around it"
            )
        ((content, (_, one)),) = fitting.items()
        return Proposal(
            content=content,
            resolution=AppliedResolution(
                commit=None,
                path="",
                conflict=conflict.id,
                recorded_by=one.origin.by,
                recorded_at=one.origin.at,
                source=origin_in_words(one.origin),
            ),
        )


def origin_in_words(origin: Origin) -> str:
    """Where a resolution comes from, in a few words."""
    match origin.kind:
        case OriginKind.LEARNED:
            words = f"learned from merge {origin.commit[:12]}"
        case OriginKind.RESOLVED:
            words = f"resolved while aligning {origin.branch}" if origin.branch else "resolved by hand"
        case OriginKind.RR_CACHE:
            words = "recorded by git"
        case OriginKind.UNKNOWN:
            words = "of unknown origin"
    return f"{words}, imported from {origin.imported_from}" if origin.imported_from else words
