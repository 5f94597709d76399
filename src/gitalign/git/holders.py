"""Which work trees hold which branches, read again only when something may have changed that."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitalign.git.repository import Repository
from gitalign.git.worktree import read_holders

_SECOND_NS = 1_000_000_000
_YOUNG_NS = 100_000_000


class HolderWatch:
    """Branch ref -> work trees that hold it, as it is now.

    Every checkout, rebase or bisect makes a file in the git directory of its work tree, which changes the time of that folder
    (`HEAD.lock`, `rebase-merge`, `BISECT_START`; `git help gitrepository-layout`). While all these times stay, nothing is asked of
    git. A time that is too young, or of a file system that counts whole seconds, says nothing.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._seen: frozenset[tuple[str, int]] | None = None
        self._holders: Mapping[str, Sequence[str]] = {}

    def now(self) -> Mapping[str, Sequence[str]]:
        """The holders at this moment.

        Raises:
            GitError
        """
        times = self._times()
        if times != self._seen or not _is_telling(times):
            self._seen = times  # from before the look: what changes meanwhile is seen the next time
            self._holders = read_holders(self._repository)
        return self._holders

    def _times(self) -> frozenset[tuple[str, int]]:
        common = Path(self._repository.common_dir)
        linked = common / "worktrees"
        folders = [common, linked]
        try:
            folders += [Path(entry.path) for entry in os.scandir(linked)]
        except OSError:
            pass  # no linked work trees
        found = set()
        for folder in folders:
            try:
                found.add((str(folder), folder.stat().st_mtime_ns))
            except OSError:
                found.add((str(folder), 0))
        return frozenset(found)


def _is_telling(times: frozenset[tuple[str, int]]) -> bool:
    present = [moment for _, moment in times if moment]
    is_fine = any(moment % _SECOND_NS for moment in present)
    return is_fine and all(abs(time.time_ns() - moment) > _YOUNG_NS for moment in present)
