"""Work in a quarantine whose memory may go: all of it is made again on disk then, and nothing built on the gap is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from gitalign.errors import GitAlignError, InvariantBroken
from gitalign.git.object_memory import MEMORY
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import Repository
from gitalign.ports import VerdictCache

T = TypeVar("T")


class GuardedCache:
    """Verdicts that are kept only while everything they were built on is there. Implements `ports.VerdictCache`."""

    def __init__(self, memory: VerdictCache, quarantine: Quarantine) -> None:
        self._memory = memory
        self._quarantine = quarantine

    def look_up(self, keys: Iterable[str]) -> Mapping[str, str]:
        """See `ports.VerdictCache`."""
        return self._memory.look_up(keys)

    def keep(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """See `ports.VerdictCache`.

        Raises:
            MemoryLost
        """
        self._quarantine.require_memory()
        self._memory.keep(verdicts, at=at)


def in_quarantine(
    repository: Repository, name: str, work: Callable[[Quarantine], T], *, memory: Path | None = MEMORY
) -> T:
    """What `work` makes in a quarantine, which is removed afterwards.

    When what was kept in memory is lost meanwhile, all of it is made again on disk.

    Args:
        repository: the repository.
        name: of the quarantine.
        work: calls `Quarantine.require_memory` before its result counts.
        memory: where loose objects may be kept in memory.
    """
    for place in (memory, None):
        quarantine = Quarantine(repository, name, memory=place)
        try:
            return work(quarantine)
        except (GitAlignError, OSError):
            if not quarantine.has_lost_memory:
                raise
        finally:
            quarantine.remove()
    raise InvariantBroken("a quarantine on disk lost its memory")
