"""Merges that all lanes of a run share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from gitalign.core.names import Oid
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.virtual_bases import VirtualBases

_KEPT_MERGES = 5_000

Triple = tuple[str, str, str, str]


@dataclass(slots=True)
class MergeCounts:
    """How many merges a run needed, and how many it was spared."""

    merged: int = 0
    shared: int = 0
    trivial: int = 0


class SharedMerges:
    """Answers by (bench, base, ours, theirs): equal triples are merged once per run, however many ask.

    Thread-safe. A second worker that asks while the first still merges waits for that answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: LRUCache[Triple, MergeAnswer] = LRUCache(_KEPT_MERGES)
        self._under_way: dict[Triple, threading.Event] = {}
        self._counted: set[Triple] = set()
        self.counts = MergeCounts()
        self.virtual = VirtualBases()
        self.bases: dict[tuple[Oid, Oid], tuple[Oid, ...]] = {}
        """Merge bases, by pair. Racing workers write the same."""
        self.short: dict[Oid, str] = {}
        """Abbreviated ids. Racing workers write the same."""

    def answer(self, triple: Triple, merge: Callable[[], MergeAnswer]) -> MergeAnswer:
        """The answer for a triple, made by `merge` when no one has it yet."""
        while True:
            with self._lock:
                known = self._answers.get(triple)
                if known is not None:
                    if triple in self._counted:
                        self._counted.remove(triple)
                    else:
                        self.counts.shared += 1
                    return known
                waiting = self._under_way.get(triple)
                if waiting is None:
                    mine = self._under_way[triple] = threading.Event()
                    break
            waiting.wait()
        try:
            made = merge()
            with self._lock:
                self._answers[triple] = made
                self.counts.merged += 1
            return made
        finally:
            with self._lock:
                del self._under_way[triple]
            mine.set()

    def add(self, triple: Triple, answer: MergeAnswer) -> None:
        """Keep an answer that was made, and counted, elsewhere; the first who asks for it is the one it was made for."""
        with self._lock:
            self._answers[triple] = answer
            self._counted.add(triple)

    def note(self, *, merged: int = 0, shared: int = 0, trivial: int = 0) -> None:
        """Count merges that were made, shared or spared elsewhere."""
        with self._lock:
            self.counts.merged += merged
            self.counts.shared += shared
            self.counts.trivial += trivial

    def note_trivial(self) -> None:
        """Count a merge that needed no merging: one side had changed nothing."""
        with self._lock:
            self.counts.trivial += 1
