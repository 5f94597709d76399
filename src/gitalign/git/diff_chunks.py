"""How many commits are read together where the text of their diffs is held in memory: as many as fit into a bound."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from gitalign.core.names import Oid

_FIRST = 25
_GROWTH = 2
_MOST = 250
_MOST_PATHS = 1_000
_TEXT_BYTES = 512 * 1024


class DiffChunks(Iterator[list[Oid]]):
    """Commits, a chunk at a time, each once; several threads take from it.

    The first chunks are small. What their text measured says how many fit into half a megabyte; no chunk is more than two
    times as long as the one before.

    Args:
        commits: in the order in which they are taken.
        paths: how many paths a commit changes; one where that is not known. A chunk changes no more than a thousand, unless
            it is of one commit.
    """

    def __init__(self, commits: Sequence[Oid], paths: Mapping[Oid, int]) -> None:
        self._commits = commits
        self._paths = paths
        self._lock = threading.Lock()
        self._at = 0
        self._most = _FIRST

    def __next__(self) -> list[Oid]:
        """The next chunk."""
        with self._lock:
            end, held = self._at, 0
            while end < len(self._commits) and end - self._at < self._most:
                held += self._paths.get(self._commits[end], 1)
                if end > self._at and held > _MOST_PATHS:
                    break
                end += 1
            chunk = list(self._commits[self._at : end])
            self._at = end
        if not chunk:
            raise StopIteration
        return chunk

    def measured(self, commits: int, text_bytes: int) -> None:
        """Take in how long the text of a chunk was."""
        with self._lock:
            fitting = _TEXT_BYTES * commits // (text_bytes + 1)
            self._most = max(1, min(fitting, commits * _GROWTH, _MOST))

    def stop(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._at = len(self._commits)
