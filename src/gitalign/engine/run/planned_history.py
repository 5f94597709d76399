"""What the newest plan of a request was made from, kept so that planning and then running reads it once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitalign.core.graph import CommitGraph
    from gitalign.core.plan import Plan
    from gitalign.core.snapshot import Checkout, Snapshot
    from gitalign.git.configured import Configured


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what it was made from: history, work trees as they were seen, digest of git's configuration."""

    plan: Plan
    graph: CommitGraph
    checkouts: tuple[Checkout, ...]
    configured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a plan was made from, apart from refs and history.

    Attributes:
        checkouts: work trees as they were seen.
        configured: digest of git's configuration.
        settings: digest of what settings were read from; None where that is not known.
        files: stamps of files that change what git says of the same commits, from before anything else was looked at.
    """

    checkouts: tuple[Checkout, ...]
    configured: str
    settings: str | None
    files: tuple[str, ...]


def deciding_files(common_dir: str) -> tuple[str, ...]:
    """Stamps of the files of a git directory that change what git says of the same commits."""
    names = ("shallow", "HEAD", "info/attributes", "info/grafts")
    return tuple(f"{name} {stamp_of(Path(common_dir) / name)}" for name in names)


def stamp_of(path: Path) -> str:
    """What changes with a file: its inode, size, and times in nanoseconds; empty where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


class PlannedHistory:
    """Keeps the history of the newest plan of one request, so that planning and then running reads it once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Prepared | None = None
        self._seen: tuple[str, Seen] | None = None
        self._look: tuple[Snapshot, Configured] | None = None
        self._configuration: tuple[str, Configured] | None = None

    def keep(self, prepared: Prepared, *, settings: str | None, files: tuple[str, ...]) -> None:
        """Keep the history of a plan, in place of an earlier one, and what else it was made from."""
        seen = Seen(checkouts=prepared.checkouts, configured=prepared.configured, settings=settings, files=files)
        with self._lock:
            self._held = prepared
            self._seen = prepared.plan.id, seen

    def configuration_of(self, repository: str) -> Configured | None:
        """git's configuration as it was read last for a plan of the request; None when it was not.

        Args:
            repository: its git common directory.
        """
        with self._lock:
            return self._configuration[1] if self._configuration and self._configuration[0] == repository else None

    def note_configuration(self, repository: str, configuration: Configured) -> None:
        """Note what was read."""
        with self._lock:
            self._configuration = repository, configuration

    def keep_look(self, snapshot: Snapshot, configuration: Configured) -> None:
        """Keep what was looked at just now, for the plan that is made next."""
        with self._lock:
            self._look = snapshot, configuration

    def take_look(self) -> tuple[Snapshot, Configured] | None:
        """What was kept, which is given away; None when nothing is."""
        with self._lock:
            look, self._look = self._look, None
        return look

    def seen_for(self, plan: Plan) -> Seen | None:
        """What exactly this plan was made from; None when it was not made here."""
        with self._lock:
            return self._seen[1] if self._seen is not None and self._seen[0] == plan.id else None

    def take(self, plan: Plan) -> CommitGraph | None:
        """The history of exactly this plan, which is given away; None when it is not kept here."""
        with self._lock:
            held, self._held = self._held, None
        return (
            held.graph
            if held is not None
            and held.plan.id == plan.id
            and held.plan.snapshot.repository == plan.snapshot.repository
            else None
        )
