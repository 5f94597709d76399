"""One recovery at a time, in all processes that share a repository."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitalign.errors import StoreError
from gitalign.process_owner import HeldLock, LocksUnavailable

_WAIT_S = 60.0
_POLL_S = 0.05


class RecoveryUnderWay(StoreError):
    """Another process is finishing or rolling back runs."""

    code = "recovery_under_way"
    retryable = True


@contextmanager
def recovery_claim(state_dir: Path, *, name: str = "recovery", wait_s: float = _WAIT_S) -> Iterator[None]:
    """Recover alone, or go on alone with runs that were stopped. Where the file system has no locks, all that follows is safe, but two recoveries may repeat each other's work.

    Args:
        state_dir: of the repository.
        name: what is done alone: `recovery`, or `resume`.
        wait_s: how long another process is waited for, in seconds.

    Raises:
        RecoveryUnderWay: another process is still at it.
        StoreError: the lock cannot be made.
    """
    try:
        lock = _taken(state_dir / "locks" / f"{name}.lock", wait_s)
    except LocksUnavailable:
        yield
        return
    with lock:
        yield


def _taken(path: Path, wait_s: float) -> HeldLock:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            lock = HeldLock.take(path)
        except OSError as error:
            raise StoreError(
                f"cannot lock {path}: {error.strerror}", hint=f"make {path.parent} writable for you"
            ) from error
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise RecoveryUnderWay(
                "another git-align is going on with a run that was cut off or stopped; this one changed nothing",
                hint="wait until it has ended, then try again",
            )
        time.sleep(_POLL_S)
