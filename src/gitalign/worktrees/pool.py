"""A pool of disposable work trees for results that are in a quarantine: each is lent to one user at a time."""

from __future__ import annotations

import hashlib
import os
import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gitalign.git.quarantine import Quarantine
from gitalign.worktrees.disposable import ClaimedFolder, DisposableTree


class WorkTreePool:
    """Work trees that are made when they are first used."""

    def __init__(self, folder: Path, quarantine: Quarantine, width: int) -> None:
        self.width = width
        self._free: queue.SimpleQueue[DisposableTree] = queue.SimpleQueue()
        object_format = quarantine.repository.object_format
        for number in range(width):
            tree = DisposableTree(
                folder / f"{number}", quarantine.git, objects=quarantine.objects, object_format=object_format
            )
            self._free.put(tree)

    @classmethod
    @contextmanager
    def opened(cls, home: Path, quarantine: Quarantine, *, width: int) -> Iterator[WorkTreePool]:
        """A pool in a folder of its own, which is gone afterwards.

        Args:
            home: as `work_tree_home` gives it.
            quarantine: sees what the work trees are to hold.
            width: how many there are.

        Raises:
            OutOfSpace
        """
        folder = ClaimedFolder(home, quarantine.path.name)
        try:
            yield cls(folder.path, quarantine, width)
        finally:
            folder.remove()

    @contextmanager
    def lent(self) -> Iterator[DisposableTree]:
        """One of them; waits until one is free."""
        work_tree = self._free.get()
        try:
            yield work_tree
        finally:
            self._free.put(work_tree)


def work_tree_home(directory: str | None, common_dir: str, *, environ: Mapping[str, str]) -> Path:
    """Where the work trees of a repository's runs are made.

    Args:
        directory: the operator's choice; None for the user's cache.
        common_dir: of the repository.
        environ: says where the cache is.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(common_dir))).hexdigest()[:16]
    if directory is not None:
        return Path(directory) / name
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "git-align" / name
