"""Where detectors and house rules read from: objects of a repository, and what many results are compared with, kept once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from cachetools import LRUCache

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange
from gitalign.git.command import Git
from gitalign.git.file_facts import KeptFacts
from gitalign.git.objects import CommitReader, FileReader
from gitalign.git.tree_comparer import TreeComparer
from gitalign.ports import FileFacts

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_KEPT_CHANGES = 400
_KEPT_TREES = 16


class Kept(Generic[K, V]):
    """The answers asked for last. Thread-safe; of two that ask for the same at the same time, one waits for the other's."""

    def __init__(self, most: int) -> None:
        self._known: LRUCache[K, V] = LRUCache(most)
        self._under_way: dict[K, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: K, find: Callable[[], V]) -> V:
        """The answer for a key, found out unless it was found out lately."""
        with self._lock:
            if key in self._known:
                return self._known[key]
            turn = self._under_way.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._known:
                    return self._known[key]
            try:
                found = find()
                with self._lock:
                    self._known[key] = found
                return found
            finally:
                with self._lock:
                    self._under_way.pop(key, None)


class SharedTrees:
    """What many branches of a run ask alike: changes from base to target, files of targets, facts about contents."""

    def __init__(self, facts: FileFacts | None = None) -> None:
        self.changes: Kept[tuple[Oid, Oid], tuple[PathChange, ...]] = Kept(_KEPT_CHANGES)
        self.paths: Kept[Oid, tuple[bytes, ...]] = Kept(_KEPT_TREES)
        self.facts: FileFacts = facts if facts is not None else KeptFacts()


class RepositorySource:
    """Implements `ports.Source` on a repository by itself, without a run.

    Args:
        git: the repository's.
        timeout_s: deadline of one question in seconds.
    """

    def __init__(self, git: Git, *, timeout_s: float) -> None:
        self._git = git
        self._timeout_s = timeout_s
        self._commits = CommitReader(git, timeout_s=timeout_s)
        self._files = FileReader(git, timeout_s=timeout_s)
        self._trees = TreeComparer(git, timeout_s=timeout_s)
        self._shared = SharedTrees()

    @property
    def facts(self) -> FileFacts:
        """See `ports.Source.facts`."""
        return self._shared.facts

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """See `ports.Source.read`."""
        return self._files.read(names, most_bytes=most_bytes)

    def sizes(self, oids: Sequence[bytes]) -> list[int | None]:
        """See `ports.Source.sizes`."""
        return self._files.sizes(oids)

    def changes(self, before: Oid, after: Oid) -> tuple[PathChange, ...]:
        """See `ports.Source.changes`."""

        def find() -> tuple[PathChange, ...]:
            one, other = self._commits.read([before, after])
            return self._trees.compare(one.tree, other.tree)

        return self._shared.changes.get((before, after), find)

    def paths(self, commit: Oid) -> tuple[bytes, ...]:
        """See `ports.Source.paths`."""

        def find() -> tuple[bytes, ...]:
            words = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
            return tuple(self._git.run(*words, timeout_s=self._timeout_s).stdout.split(b"\0")[:-1])

        return self._shared.paths.get(commit, find)

    def close(self) -> None:
        """End every process."""
        for reader in (self._commits, self._files, self._trees):
            reader.close()
