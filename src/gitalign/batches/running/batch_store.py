"""The batch runs of a repository: their state in the journal, and beside it the files of a run: its lock and its logs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gitalign.batches.running.project_metadata import metadata_of, request_metadata
from gitalign.batches.running.records import change_of, plan_text, run_of
from gitalign.batches.running.state import ENDED, BatchRun, Request, Status
from gitalign.core.batch_records import BatchRunRecord, ProjectRecord
from gitalign.core.names import is_run_id
from gitalign.errors import StoreError, UnknownBatch, UserError
from gitalign.git.repository import Repository
from gitalign.ports import Journal
from gitalign.process_owner import HeldLock
from gitalign.shared_files import make_folder
from gitalign.store.run_locks import batch_folder, batch_lock

OPEN = frozenset({one.value for one in Status} - {one.value for one in ENDED}) | {Status.CANCELLED.value}
"""States of a run that can be gone on with."""


class AlreadyRunning(UserError):
    """Another process runs this batch run."""

    code = "batch_is_running"


class BatchStore:
    """Keeps batch runs. What a method wrote is on disk when it returns. Thread-safe.

    Args:
        repository: whose they are.
        journal: of that repository, open for as long as this is used.
        unreadable: runs of an earlier release that could not be brought over, with why.
    """

    def __init__(
        self, repository: Repository, journal: Journal, *, unreadable: Mapping[str, StoreError] | None = None
    ) -> None:
        self._repository = repository
        self._unreadable = dict(unreadable or {})
        self.journal = journal

    def begin(self, run: BatchRun, *, is_alone: bool = True, seen: Collection[str] | None = None) -> str | None:
        """Keep a new run, with its project.

        Args:
            run: to be kept.
            is_alone: not when a run of the same plan onto the same target can be gone on with.
            seen: ids of all runs of the plan that were looked at: not when there is another one; None where that does not matter.

        Returns:
            The id of that other run, when there is one: then nothing was kept.

        Raises:
            StoreError
        """
        place = self._repository.work_tree or self._repository.common_dir
        project = ProjectRecord(
            id=str(run.plan.project_id), name=Path(place).name, local_path=str(place), created_at=run.created_at
        )
        self.journal.put_project(project)
        states = OPEN if is_alone else ()
        return self.journal.begin_batch_run(change_of(run), plan=plan_text(run), open_states=states, seen=seen)

    def write(self, run: BatchRun, before: BatchRun | None = None) -> None:
        """Keep a run, in place of what was kept of it.

        Args:
            run: as it is now.
            before: as it was kept; None when that is not known.

        Raises:
            RunTakenOver: another process holds it now.
            UnknownBatch, StoreError
        """
        self.journal.change_batch_run(change_of(run, before))

    def read(self, word: str) -> BatchRun:
        """A run, by full id, unambiguous prefix, or the word `last`.

        Raises:
            UnknownBatch: none, or several.
            StoreError: it cannot be read.
        """
        return run_of(self.journal.stored_batch_run(self.record(word).id))

    def record(self, word: str) -> BatchRunRecord:
        """What is asked of a run most, as `read`."""
        try:
            return self.journal.batch_run(word)
        except UnknownBatch:
            faults = [error for name, error in self._unreadable.items() if word and name.startswith(word)]
            if faults:
                raise faults[0] from None
            raise

    def records(self) -> tuple[BatchRunRecord, ...]:
        """All runs, oldest first."""
        return self.journal.batch_runs()

    def of_plan(self, plan_digest: str, target: str) -> tuple[BatchRunRecord, ...]:
        """Runs of a plan onto a target, oldest first."""
        return self.journal.batch_runs_of_plan(plan_digest, target)

    def ask(self, batch_id: str, request: Request) -> None:
        """Leave a request for the process that runs it; `NONE` takes it back.

        Raises:
            UnknownBatch, StoreError
        """
        run = self.read(batch_id)
        metadata = request_metadata(run, request, datetime.now(UTC))
        self.journal.ask_batch_run(run.id, request.value, metadata=metadata)

    def forget_requests(self, batch_id: str) -> None:
        """Take back what a process that is gone was asked; the metadata of the project is about this run from now on.

        Raises:
            UnknownBatch, StoreError
        """
        run = self.read(batch_id)
        metadata = metadata_of(run) | request_metadata(run, Request.NONE, datetime.now(UTC))
        self.journal.ask_batch_run(run.id, Request.NONE.value, metadata=metadata)

    def asked(self, batch_id: str) -> Request:
        """The request that is there; none when it says nothing that is known.

        Raises:
            StoreError
        """
        try:
            return Request(self.journal.request_of_batch_run(batch_id))
        except ValueError:
            return Request.NONE

    def folder(self, batch_id: str) -> Path:
        """Where a run's lock and logs are."""
        if not is_run_id(batch_id):
            raise UnknownBatch(f"no batch run {batch_id!r}", hint="git align batch list")
        return batch_folder(self._repository.state_dir, batch_id)

    def log_path(self, batch_id: str, task_id: str) -> Path:
        """The file with a task's output; its folder is made when it is not there.

        Raises:
            StoreError
        """
        folder = self.folder(batch_id) / "logs"
        _make(folder)
        return folder / f"{task_id}.log"

    @contextmanager
    def held(self, batch_id: str) -> Iterator[HeldLock]:
        """Hold a run: it is alive while this process is inside, and only this process writes about it.

        Raises:
            AlreadyRunning
            UnknownBatch
            StoreError: there are no locks, or the folder cannot be written.
        """
        folder = self.folder(batch_id)
        _make(folder)
        try:
            lock = HeldLock.take(batch_lock(self._repository.state_dir, batch_id))
        except OSError as error:
            raise StoreError(f"cannot lock {folder}: {error.strerror}", hint="make it writable") from error
        if lock is None:
            raise AlreadyRunning(
                f"batch run {batch_id} is running in another process", hint=f"git align batch status {batch_id}"
            )
        with lock:
            self.journal.take_batch_run(batch_id)
            yield lock

    def is_alive(self, batch_id: str) -> bool:
        """Whether a living process runs it."""
        return HeldLock.is_held(batch_lock(self._repository.state_dir, batch_id))


def _make(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror}", hint="make the git directory writable") from error
