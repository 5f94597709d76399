"""Batch runs in files: one document each, replaced whole by rename, in the git directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitalign.batches.planning.tasks import TaskListError
from gitalign.batches.running.state import BatchRun, Request, UnknownBatch
from gitalign.batches.running.state_document import dump, load
from gitalign.core.names import is_run_id
from gitalign.documents.reading import Malformed
from gitalign.errors import StoreError, UserError
from gitalign.input_file import Unreadable, read_bounded
from gitalign.output_file import write_whole
from gitalign.process_owner import HeldLock
from gitalign.shared_files import make_folder

_STATE = "state.json"
_REQUEST = "request"
_LOCK = "lock"
_MOST_BYTES = 256 * 1024 * 1024


class AlreadyRunning(UserError):
    """Another process runs this batch run."""

    code = "batch_is_running"


class FileBatchStore:
    """Keeps batch runs below a folder.

    Args:
        root: `<state_dir>/batches`; made when it is not there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, batch_id: str) -> Path:
        """Where a run's state and logs are."""
        if not is_run_id(batch_id):
            raise UnknownBatch(f"no batch run {batch_id!r}", hint="git align batch list")
        return self._root / batch_id

    def log_path(self, batch_id: str, task_id: str) -> Path:
        """The file with a task's output; its folder is made when it is not there.

        Raises:
            StoreError
        """
        folder = self.folder(batch_id) / "logs"
        self._make(folder)
        return folder / f"{task_id}.log"

    def write(self, run: BatchRun) -> None:
        """Keep a run, in place of what was kept of it."""
        folder = self.folder(run.id)
        self._make(folder)
        write_whole(folder / _STATE, json.dumps(dump(run)))

    def read(self, batch_id: str) -> BatchRun:
        """A run, by full id, unambiguous prefix, or the word `last`."""
        path = self.folder(self._found(batch_id)) / _STATE
        try:
            return load(json.loads(read_bounded(path, most_bytes=_MOST_BYTES)))
        except (Unreadable, ValueError, Malformed, TaskListError) as error:
            raise StoreError(f"{path} cannot be read: {error}", hint="move it away; its refs stay") from error

    def ids(self) -> tuple[str, ...]:
        """Ids of all runs, oldest first."""
        if not self._root.is_dir():
            return ()
        return tuple(
            sorted(one.name for one in self._root.iterdir() if is_run_id(one.name) and (one / _STATE).is_file())
        )

    def ask(self, batch_id: str, request: Request) -> None:
        """Leave a request for the process that runs it."""
        write_whole(self.folder(self._found(batch_id)) / _REQUEST, request.value)

    def asked(self, batch_id: str) -> Request:
        """The request that is there; none when it says nothing that is known."""
        with suppress(OSError, ValueError):
            return Request((self.folder(batch_id) / _REQUEST).read_text(encoding="utf-8").strip())
        return Request.NONE

    @contextmanager
    def held(self, batch_id: str) -> Iterator[HeldLock]:
        """Hold a run: it is alive while this process is inside.

        Raises:
            AlreadyRunning
            StoreError: there are no locks, or the folder cannot be written.
        """
        folder = self.folder(batch_id)
        self._make(folder)
        try:
            lock = HeldLock.take(folder / _LOCK)
        except OSError as error:
            raise StoreError(f"cannot lock {folder}: {error.strerror}", hint="make it writable") from error
        if lock is None:
            raise AlreadyRunning(
                f"batch run {batch_id} is running in another process", hint=f"git align batch status {batch_id}"
            )
        with lock:
            yield lock

    def is_alive(self, batch_id: str) -> bool:
        """Whether a living process runs it."""
        return HeldLock.is_held(self.folder(batch_id) / _LOCK)

    def _found(self, word: str) -> str:
        known = self.ids()
        if word == "last" and known:
            return known[-1]
        matches = [one for one in known if one == word] or [one for one in known if word and one.startswith(word)]
        if len(matches) != 1:
            why = f"{len(matches)} batch runs begin with {word!r}" if matches else f"no batch run {word!r}"
            raise UnknownBatch(why, hint="git align batch list")
        return matches[0]

    def _make(self, folder: Path) -> None:
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(
                f"cannot make {folder}: {error.strerror}", hint="make the git directory writable"
            ) from error
