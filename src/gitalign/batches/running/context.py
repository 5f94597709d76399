"""What everything in one batch run shares, in this process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.pool import TreePool
from gitalign.batches.running.secrets import SecretBook
from gitalign.batches.running.state import BatchRun
from gitalign.core.access import AccessRules
from gitalign.core.names import BATCH_PREFIX, WIP_PREFIX, Oid, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.core.validation import Bounds
from gitalign.core.width import WidthBounds
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.scaling import Scaling
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import silent
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Emitter
from gitalign.validate.confine import Confinement


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """How tasks are run.

    Attributes:
        max_concurrency: tasks side by side at most.
        min_concurrency: so many at least, whatever memory, load and locks say.
        memory_of_all_bytes: of all tasks together, from which on no more are begun; None for most of the machine's.
        confinement: what keeps tasks away from what is not theirs.
        bounds: what one task may use.
        snapshot_every_s: between two snapshots of a running task's tree.
        retry_after_s: before the second attempt; doubled for each further one, and spread by up to as much again.
        ports: folder of the locks of port blocks, the same for all repositories of the user.
    """

    confinement: Confinement
    ports: Path
    max_concurrency: int = 3
    min_concurrency: int = 1
    memory_of_all_bytes: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    snapshot_every_s: float = 60.0
    retry_after_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchContext:
    """What the parts of one batch run share.

    Attributes:
        ident: who commits in the name of tasks, as in a commit object but for the time: `Name <address>`.
        access: which files tasks may change and read.
        emit: takes events.
        secrets: of tasks; nothing that is kept or reported holds their values.
        checkpoint: called before each effect; rehearsals of crashes end the process there.
        start_of: the commit that tasks of a batch start from, by the name of its target; None for where the branch stands.
    """

    repository: Repository
    store: BatchStore
    pool: TreePool
    settings: BatchSettings
    surroundings: Surroundings
    stop: StopSignal
    ident: str
    secrets: SecretBook
    access: AccessRules = AccessRules()
    emit: Emitter = silent
    checkpoint: Checkpoint = no_checkpoint
    start_of: Callable[[str], Oid] | None = None

    def scaling(self, most: int) -> Scaling:
        """How many tasks may go on, up to a number, by memory, load and lock waits."""
        return Scaling(
            WidthBounds(min(self.settings.min_concurrency, most), most),
            limit_bytes=self.settings.memory_of_all_bytes,
            changed=lambda width: self.notify("workers_changed", workers=width.allowed, most=most, reason=width.reason),
        )

    def notify(self, kind: str, **data: Any) -> None:
        """Report an event."""
        self.emit(kind, **self.secrets.redacted_event(data))


@dataclass(slots=True)
class _Change:
    """A change that waits to be written, and what became of it."""

    make: Callable[[BatchRun], BatchRun]
    run: BatchRun | None = None
    error: BaseException | None = None


class Keeper:
    """The one place in which the state of a batch run changes: on disk before anybody sees it. Thread-safe.

    Changes that come while another is being written are written together: with many tasks side by side, writing is what
    they wait for.
    """

    def __init__(self, store: BatchStore, run: BatchRun, checkpoint: Checkpoint = no_checkpoint) -> None:
        self._store = store
        self.checkpoint = checkpoint
        self._run = run
        self._lock = threading.Lock()
        self._waiting: deque[_Change] = deque()
        self.lock_wait_s = 0.0
        """How long threads have waited for one another, and for the database, in all."""

    @property
    def run(self) -> BatchRun:
        """The run as it is now."""
        return self._run

    def change(self, change: Callable[[BatchRun], BatchRun]) -> BatchRun:
        """Change the run.

        Raises:
            OutOfSpace, StoreError: nothing is changed.
        """
        mine = _Change(change)
        self._waiting.append(mine)
        since = time.monotonic()
        with self._lock:
            if mine.run is None and mine.error is None:
                self._write_waiting()
            self.lock_wait_s += time.monotonic() - since
        if mine.error is not None:
            raise mine.error
        assert mine.run is not None
        return mine.run

    def _write_waiting(self) -> None:
        """Write every change that waits, each on top of the one before; one that cannot be made hurts no other."""
        run, made = self._run, []
        while self._waiting:
            one = self._waiting.popleft()
            try:
                run = one.run = one.make(run)
                made.append(one)
            except BaseException as error:
                one.error = error
        if not made:
            return
        try:
            self.checkpoint("state")
            self._store.write(run, self._run)
            self.checkpoint("state written")
        except BaseException as error:
            for one in made:
                one.run, one.error = None, error
            return
        self._run = run


class OwnRefs:
    """Refs of one batch run: what tasks have not committed, their results, and the commits they started from. Thread-safe."""

    def __init__(self, repository: Repository, batch_id: str) -> None:
        self.batch_id = batch_id
        self._door = RefUpdater(repository, forbidden=frozenset(), message=f"git-align batch {batch_id}")
        self._lock = threading.Lock()
        self._stand = read_refs(repository, f"{WIP_PREFIX}{batch_id}/", f"{BATCH_PREFIX}{batch_id}/")

    def at(self, ref: str) -> Oid | None:
        """Where a ref stands; None when it is not there."""
        return self._stand.get(ref)

    def put(self, ref: str, oid: Oid) -> None:
        """Have a ref stand at a commit of the repository.

        Raises:
            RefLocked: it cannot be moved.
            GitTimedOut
        """
        with self._lock:
            before = self._stand.get(ref)
            if before == oid:
                return
            refusal = self._door.move_own([RefUpdate(ref=ref, before=before or zero_like(oid), after=oid)])
            if refusal is not None:
                raise refusal.as_error(f"cannot move {ref}", hint="git align batch resume")
            self._stand[ref] = oid

    def drop(self, ref: str) -> None:
        """Delete a ref that is there.

        Raises:
            RefLocked, GitTimedOut
        """
        with self._lock:
            before = self._stand.get(ref)
            if before is None:
                return
            refusal = self._door.move_own([RefUpdate(ref=ref, before=before, after=zero_like(before))])
            if refusal is not None:
                raise refusal.as_error(f"cannot delete {ref}", hint="git align batch resume")
            del self._stand[ref]

    def close(self) -> None:
        """End the process behind it."""
        self._door.close()
