"""The mirror that a job works on: made when it is not there, fetched by one job at a time, bounded in time and size."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitalign import facade
from gitalign.core.jobs import JobKind
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError, RemoteError, StoreError
from gitalign.process_owner import HeldLock
from gitalign.service.identities import require_folder
from gitalign.service.working.came import StillUnderWay
from gitalign.service.working.hold import Hold
from gitalign.service.working.remote_access import RemoteSettings
from gitalign.shared_files import make_folder

_LOOKED_EVERY_S = 0.5
_KILLED_BEFORE_S = 86_400.0
"""What no one has written to for so long belongs to no fetch that goes on: the bounds of a fetch are far shorter."""


@contextmanager
def mirror_ready(hold: Hold, request: facade.Request, settings: RemoteSettings) -> Iterator[None]:
    """The repository of a job, which something was fetched into; jobs that fetch have it for themselves while inside.

    A repository that was registered as a folder is as it is.

    Args:
        hold: the job.
        request: what it asks the facade with.
        settings: of the service.

    Raises:
        StillUnderWay: another job fetches.
        Contradiction: it cannot be done without branches of its own.
        RemoteError, GitError, StoreError, OutOfSpace
    """
    held = hold.held
    if held.url is None:
        yield
        return
    require_folder(held.job.kind, held.url)
    place = Path(held.path)
    _make(place, held.url, hold)
    fetches = held.job.kind is JobKind.FETCH or bool(held.job.params.get("fetch"))
    reads_remote = fetches or held.job.kind is JobKind.PLAN
    if not reads_remote and facade.was_fetched(request):
        yield
        return
    lock = HeldLock.take(place.with_suffix(".lock"))
    if lock is None:
        raise StillUnderWay
    with lock, _bounded(place, settings.most_bytes, hold.stop):
        facade.bring_up_to_date(request, timeout_s=settings.fetch_s, stop=hold.stop, only_new=not fetches)
        yield  # a plan fetches, too


def _make(place: Path, url: str, hold: Hold) -> None:
    try:
        with suppress(FileExistsError):
            make_folder(place.parent.parent)
            place.parent.mkdir(mode=0o700)
    except OSError as error:
        raise StoreError(f"cannot make {place.parent}: {error.strerror}", hint="see repositories.folder") from error
    facade.mirror_of(place, url, environ=hold.access.environ)


@contextmanager
def _bounded(place: Path, most_bytes: int, stop: StopSignal) -> Iterator[None]:
    """End what is fetched when the repository grows beyond a bound: a server may send without end.

    Raises:
        RemoteError: it was too large.
    """
    over, is_too_large = threading.Event(), threading.Event()
    for path in _unfinished(place):  # of a fetch that was killed
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - _KILLED_BEFORE_S:
                path.unlink()
    before = set(_unfinished(place))

    def look() -> None:
        while not over.wait(_LOOKED_EVERY_S):
            if _size(place) > most_bytes:
                is_too_large.set()
                stop.processes.end_all()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
        if _size(place) > most_bytes:
            raise _too_large(most_bytes)
    except GitAlignError as error:
        for path in _unfinished(place):
            if path not in before:
                path.unlink(missing_ok=True)
        if is_too_large.is_set():
            raise _too_large(most_bytes) from error
        raise
    finally:
        over.set()
        watcher.join()


def _too_large(most_bytes: int) -> RemoteError:
    return RemoteError(
        f"the repository is larger than {most_bytes // 1024**2} MiB",
        hint="see repositories.most_mebibytes in the settings of the service",
        code="too_large",
    )


def _unfinished(place: Path) -> list[Path]:
    return [*(place / "objects" / "pack").glob("tmp_pack_*")]


def _size(place: Path) -> int:
    total = 0
    for folder, _, names in os.walk(place / "objects"):
        for name in names:
            with suppress(OSError):  # renamed meanwhile
                total += os.stat(os.path.join(folder, name)).st_size
    return total
