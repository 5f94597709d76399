"""What git makes of several merge bases, kept for all branches of a run that have the same ones."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence

from gitalign.core.names import Oid
from gitalign.git.virtual_base import Store as Store
from gitalign.git.virtual_base import virtual_base

_WORTH_IT = 4
"""Branches with the same merge bases. Finding what git makes of them costs as much as merging three of these."""


class VirtualBases:
    """Made-up bases by bench and merge bases. Thread-safe; of two that ask for the same, one waits for the other's answer.

    Which merge bases are shared is said beforehand: whether a branch is merged on a shared base must not depend on which branch
    comes first, since git writes the names of both sides into what it could not merge.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: Counter[frozenset[Oid]] = Counter()
        self._turns: dict[tuple[str, frozenset[Oid]], threading.Lock] = {}
        self._known: dict[tuple[str, frozenset[Oid]], Oid | None] = {}

    def expect(self, bases_of_branches: Iterable[Sequence[Oid]]) -> None:
        """Merge bases of every branch that will be merged."""
        with self._lock:
            self._expected.update(frozenset(bases) for bases in bases_of_branches if len(bases) > 1)

    def is_expected(self, bases: Sequence[Oid]) -> bool:
        """Whether so many branches have these merge bases that it is worth sharing."""
        return self._expected[frozenset(bases)] >= _WORTH_IT

    def get(self, store: Store, ours: Oid, theirs: Oid, bases: Sequence[Oid]) -> Oid | None:
        """The tree of the base that git makes up for two commits; None where git alone knows it."""
        key = (store.git.git_dir, frozenset(bases))
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key not in self._known:
                self._known[key] = virtual_base(store, ours, theirs, sorted(bases))
            return self._known[key]
