"""Who is alive: a run is under way while its process holds `locks/<run id>.lock`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitalign.core.names import is_run_id
from gitalign.errors import InvariantBroken, StoreError
from gitalign.process_owner import HeldLock, LocksUnavailable, owner_is_alive, this_owner


class RunLocks:
    """The locks of a repository's runs.

    An owner string that ends in a run's id belongs to a run that holds a lock. Others were written by an earlier
    release, or where the file system has no locks, and are judged by the process they name.

    Args:
        state_dir: of the repository.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "locks"

    def take(self, run_id: str) -> HeldLock | None:
        """Take a run's lock: to carry the run out, or to recover it. None when another process has it.

        Raises:
            LocksUnavailable: the file system has no locks.
            StoreError: the lock cannot be made.
        """
        path = self._path(run_id)
        try:
            return HeldLock.take(path)
        except OSError as error:
            raise StoreError(
                f"cannot lock {path}: {error.strerror}", hint=f"make {path.parent} writable for you"
            ) from error

    @contextmanager
    def held(self, run_id: str) -> Iterator[str]:
        """Hold a run's lock for as long as the run is carried out; the owner string to write down for it.

        Raises:
            StoreError: another process holds it, or it cannot be made.
        """
        try:
            lock = self.take(run_id)
        except LocksUnavailable:
            yield this_owner()
            return
        if lock is None:
            raise StoreError(f"run {run_id} is in another process's hands", hint="git align runs")
        with lock:
            yield f"{this_owner()}|{run_id}"

    def is_alive(self, owner: str) -> bool:
        """Whether the run behind an owner string is under way; see `ports.OwnerProbe`."""
        process, _, run_id = owner.rpartition("|")
        if not is_run_id(run_id):
            return owner_is_alive(owner)
        try:
            return HeldLock.is_held(self._path(run_id))
        except LocksUnavailable:
            return owner_is_alive(process)

    def sweep(self, *, keep: Collection[str]) -> None:
        """Remove the lock files that killed processes left.

        Args:
            keep: ids of runs that are not finished; a process that recovers one takes its lock.
        """
        for path in self._folder.glob("*.lock"):
            if is_run_id(path.stem) and path.stem not in keep:
                with suppress(StoreError, LocksUnavailable):
                    if (lock := self.take(path.stem)) is not None:
                        lock.release()

    def taken_over(self, run_id: str) -> str:
        """Break a run's lock, because the operator says that its process is gone; the owner string of a dead run.

        Raises:
            StoreError
        """
        path = self._path(run_id)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot remove {path}: {error.strerror}", hint=f"remove it by hand: rm {path}") from error
        return f"{this_owner()}|{run_id}"

    def _path(self, run_id: str) -> Path:
        if not is_run_id(run_id):
            raise InvariantBroken(f"{run_id!r} is not the id of a run")
        return self._folder / f"{run_id}.lock"


def batch_folder(state_dir: Path, batch_run: str) -> Path:
    """Where the logs of a batch run are, and the lock that its process holds."""
    return state_dir / "batches" / batch_run


def batch_lock(state_dir: Path, batch_run: str) -> Path:
    """The file that the process of a batch run holds locked while it carries the run out."""
    return batch_folder(state_dir, batch_run) / "lock"
