"""Batch runs of release 0.2, which kept each in a file of its own: brought over into the journal, once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gitalign.batches.planning.tasks import TaskListError
from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.state import BatchRun
from gitalign.batches.running.state_document import load
from gitalign.core.names import is_run_id
from gitalign.documents.reading import Malformed
from gitalign.errors import StoreError, UnknownBatch
from gitalign.git.repository import Repository
from gitalign.input_file import Unreadable, read_bounded
from gitalign.ports import Journal
from gitalign.process_owner import HeldLock
from gitalign.store.run_locks import batch_lock

_STATE = "state.json"
_REQUEST = "request"
_ENDING = ".moved"
_MOST_BYTES = 256 * 1024 * 1024


def old_states(repository: Repository) -> tuple[Path, ...]:
    """Files of batch runs that are not in the journal yet, oldest first."""
    return tuple(sorted(_found(repository.state_dir / "batches")))


def _found(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(root):
            if is_run_id(entry.name) and os.path.exists(os.path.join(entry.path, _STATE)):
                yield Path(entry.path) / _STATE


def opened_batch_store(repository: Repository, journal: Journal) -> BatchStore:
    """The batch runs of a repository, with those of release 0.2 brought over.

    A file that cannot be read stays where it is; asked for its run, the store says why.

    Raises:
        StoreError: a process of that release carries a run out; or the journal cannot be written.
    """
    store = BatchStore(repository, journal)
    unreadable: dict[str, StoreError] = {}
    for path in old_states(repository):
        batch_id = path.parent.name
        lock = HeldLock.take(batch_lock(repository.state_dir, batch_id))
        if lock is None:
            raise StoreError(
                f"batch run {batch_id} of an earlier release is under way",
                hint="wait until it has ended, then try again",
            )
        with lock:
            try:
                _bring_over(store, path)
            except (Unreadable, ValueError, Malformed, TaskListError) as error:
                unreadable[batch_id] = StoreError(f"{path} cannot be read: {error}", hint="move it away; its refs stay")
    return BatchStore(repository, journal, unreadable=unreadable) if unreadable else store


def _bring_over(store: BatchStore, path: Path) -> None:
    if not path.exists():
        return  # another process was faster
    run = load(json.loads(read_bounded(path, most_bytes=_MOST_BYTES)))
    if run.id != path.parent.name:
        raise ValueError(f"it is of batch run {run.id}")
    if not _is_known(store, run):
        store.begin(run, is_alone=False)
    path.with_name(_REQUEST).unlink(missing_ok=True)  # what its process was asked is over with it
    path.rename(path.with_name(_STATE + _ENDING))


def _is_known(store: BatchStore, run: BatchRun) -> bool:
    try:
        return store.record(run.id).id == run.id
    except UnknownBatch:
        return False
