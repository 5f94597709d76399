"""Where detectors read from during a run: a lane's processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange
from gitalign.git.object_source import SharedTrees
from gitalign.integrate.lane import MergeWorker
from gitalign.ports import FileFacts

Changes = tuple[PathChange, ...]

_MOST_HELD = 16_000_000


class LaneSource:
    """Implements `ports.Source` on a lane.

    Args:
        lane: the worker's processes.
        shared: what many branches ask alike.
        known: what changes from one commit to another, where that was found out before.
        given: contents of files by id, where they were read before.
    """

    def __init__(
        self,
        lane: MergeWorker,
        shared: SharedTrees,
        known: Mapping[tuple[Oid, Oid], Changes],
        given: Mapping[bytes, bytes],
    ) -> None:
        self._lane = lane
        self._shared = shared
        self._known = known
        self._given = given
        self._lengths: dict[bytes, int] = {name: len(data) for name, data in given.items()}
        self._contents: dict[tuple[bytes, int], bytes | None] = {}
        self._held = 0

    @property
    def facts(self) -> FileFacts:
        """See `ports.Source.facts`."""
        return self._shared.facts

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """See `ports.Source.read`. Several detectors look at the same files: what was read is kept a while."""
        if self._held > _MOST_HELD:
            self._contents.clear()
            self._held = 0
        unread = [
            name
            for name in dict.fromkeys(names)
            if name not in self._given and (name, most_bytes) not in self._contents
        ]
        for name, data in zip(unread, self._lane.files(unread, most_bytes=most_bytes) if unread else (), strict=True):
            self._contents[name, most_bytes] = data
            if data is not None:
                self._held += len(data)
                self._lengths[name] = len(data)
        return [
            _unless_longer(self._given[name], most_bytes) if name in self._given else self._contents[name, most_bytes]
            for name in names
        ]

    def sizes(self, oids: Sequence[bytes]) -> list[int | None]:
        """See `ports.Source.sizes`."""
        unknown = [oid for oid in dict.fromkeys(oids) if oid not in self._lengths]
        asked = dict(zip(unknown, self._lane.sizes(unknown) if unknown else (), strict=True))
        return [self._lengths[oid] if oid in self._lengths else asked[oid] for oid in oids]

    def changes(self, before: Oid, after: Oid) -> Changes:
        """See `ports.Source.changes`."""
        if (before, after) in self._known:
            return self._known[before, after]
        return self._shared.changes.get((before, after), lambda: self._lane.changes(before, after))

    def paths(self, commit: Oid) -> tuple[bytes, ...]:
        """See `ports.Source.paths`."""
        return self._shared.paths.get(commit, lambda: self._lane.paths(commit))


def _unless_longer(data: bytes, most_bytes: int) -> bytes | None:
    return data if len(data) <= most_bytes else None
