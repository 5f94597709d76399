"""Removing old batch runs: their refs, then their logs, then their rows. What has not landed stays, unless it is asked for.

In this order a run that is removed by a process that is killed is still known, and the next removal finishes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gitalign.batches.running.batch_store import AlreadyRunning, BatchStore
from gitalign.batches.running.state import BatchRun, Status
from gitalign.core.names import BATCH_PREFIX, WIP_PREFIX, Oid, is_run_id, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.engine.runtime.checkpoints import Checkpoint
from gitalign.errors import OutOfSpace, StoreError
from gitalign.git.command import text
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.process_owner import HeldLock
from gitalign.store.run_locks import batch_lock
from gitalign.tree_removal import remove_tree

_BRANCH = "@branch-"
_STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRetention:
    """Which batch runs are removed.

    Attributes:
        older_than: since they ended; since they began when they did not end.
        now: UTC.
        unlanded: also runs that hold work which has not landed.
        busy: runs whose work is in a work tree.
        dry_run: change nothing.
    """

    older_than: timedelta
    now: datetime
    unlanded: bool = False
    busy: Collection[str] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedBatchRun:
    """An old batch run.

    Attributes:
        refs: of the run, all of them.
        unlanded: those that hold what has not landed.
        kept_because: why it stays; empty when it was removed, or would be.
    """

    batch_run: str
    refs: tuple[str, ...]
    unlanded: tuple[str, ...]
    kept_because: str = ""


class BatchPruner:
    """Removes old batch runs of a repository.

    Args:
        repository, store: whose.
        what: which runs.
        checkpoint: called before each effect.
    """

    def __init__(
        self, repository: Repository, store: BatchStore, what: BatchRetention, *, checkpoint: Checkpoint
    ) -> None:
        self._repository = repository
        self._store = store
        self._what = what
        self._checkpoint = checkpoint
        self._door = RefUpdater(repository, forbidden=frozenset(), message="git-align batch prune")

    def prune(self) -> tuple[PrunedBatchRun, ...]:
        """Remove what is old, oldest first.

        Raises:
            GitError, StoreError, OutOfSpace
        """
        try:
            refs = self._refs()
            stored = {one.id: one.finished_at or one.started_at or one.created_at for one in self._store.records()}
            ages = {one: _begun(one) for one in refs} | stored
            old = [one for one, at in sorted(ages.items()) if at <= self._what.now - self._what.older_than]
            runs = {one: self._store.read(one) for one in old if one in stored}
            landed = self._landed([oid for one in old for oid in refs[one].values()], runs.values())
            return tuple(self._pruned(one, refs[one], runs.get(one), landed) for one in old)
        finally:
            self._door.close()

    def _refs(self) -> Mapping[str, Mapping[str, Oid]]:
        """Refs of each batch run."""
        found: dict[str, dict[str, Oid]] = defaultdict(dict)
        for ref, oid in read_refs(self._repository, BATCH_PREFIX, WIP_PREFIX).items():
            prefix = BATCH_PREFIX if ref.startswith(BATCH_PREFIX) else WIP_PREFIX
            name = ref.removeprefix(prefix).partition("/")[0]
            if is_run_id(name):
                found[name][ref] = oid
        return found

    def _landed(self, tips: Sequence[Oid], runs: Collection[BatchRun]) -> frozenset[Oid]:
        """Those of the commits, and of the commits with which batches landed, that a branch or tag holds."""
        outcomes = [one.outcome.landed for run in runs for one in run.batches if one.outcome is not None]
        asked = [*dict.fromkeys([*tips, *(one for one in outcomes if one is not None and self._is_there(one))])]
        if not asked:
            return frozenset()
        # The second --not ends the first: whether it holds for what is read depends on git's release (2.42).
        words = ("rev-list", "--not", "--branches", "--remotes", "--tags", "--not", "--stdin")
        wanted = "\n".join(asked).encode("ascii") + b"\n"
        left = set(text(self._repository.git.run(*words, stdin=wanted).stdout).split())
        return frozenset(one for one in asked if one not in left)

    def _is_there(self, commit: Oid) -> bool:
        return self._repository.git.run("cat-file", "-e", commit, accept=(0, 1, 128)).returncode == 0

    def _pruned(
        self, batch_id: str, refs: Mapping[str, Oid], run: BatchRun | None, landed: Collection[Oid]
    ) -> PrunedBatchRun:
        by_state = _landed_by_state(run, landed) if run is not None else frozenset()
        unlanded = tuple(ref for ref, oid in sorted(refs.items()) if oid not in landed and ref not in by_state)
        kept = ""
        if batch_id in self._what.busy:
            kept = "a work tree holds its work"
        elif self._store.is_alive(batch_id):
            kept = "a living process runs it"
        elif unlanded and not self._what.unlanded:
            kept = f"{len(unlanded)} of its refs hold what has not landed"
        elif not self._what.dry_run:
            kept = self._removed(batch_id, refs, is_stored=run is not None)
        return PrunedBatchRun(batch_run=batch_id, refs=tuple(sorted(refs)), unlanded=unlanded, kept_because=kept)

    def _removed(self, batch_id: str, refs: Mapping[str, Oid], *, is_stored: bool) -> str:
        """Remove a run; why it stays, or nothing."""
        folder = self._store.folder(batch_id)
        if not is_stored:
            lock = HeldLock.take(batch_lock(self._repository.state_dir, batch_id))
            if lock is None:
                return "a living process runs it"
            with lock:
                self._remove_refs(refs)
        else:
            try:
                with self._store.held(batch_id):
                    self._checkpoint("batch refs")
                    self._remove_refs(refs)
                    self._checkpoint("batch logs")
                    _remove_logs(self._store, batch_id)
                    self._checkpoint("batch rows")
                    self._store.journal.forget_batch_runs([batch_id])
            except AlreadyRunning:
                return "a living process runs it"
        remove_tree(folder)
        return ""

    def _remove_refs(self, refs: Mapping[str, Oid]) -> None:
        updates = [RefUpdate(ref=ref, before=oid, after=zero_like(oid)) for ref, oid in refs.items()]
        refusal = self._door.move_own(updates)
        if refusal is not None:
            raise refusal.as_error("cannot delete refs of a batch run", hint="git align batch prune")


def _remove_logs(store: BatchStore, batch_id: str) -> None:
    """Remove all files of a run but its lock.

    Raises:
        OutOfSpace
    """
    folder = store.folder(batch_id)
    try:
        for entry in folder.iterdir():
            if entry.name != "lock":
                remove_tree(entry)
    except OSError as error:
        raise OutOfSpace(f"cannot remove {folder}: {error.strerror}", hint="make it writable") from error


def _landed_by_state(run: BatchRun, landed: Collection[Oid]) -> frozenset[str]:
    """Refs of results that landed in another form, as squashed commits, which a branch holds."""
    positions = {task_id: position for position, task_id in enumerate(run.tasks)}
    refs: set[str] = set()
    for number, batch in enumerate(run.batches):
        outcome = batch.outcome
        if outcome is None or outcome.landed is None or outcome.landed not in landed:
            continue
        for task_id in run.plan.batches[number].task_ids:
            if run.tasks[task_id].status is Status.COMPLETED:
                refs |= {f"{BATCH_PREFIX}{run.id}/{name}" for name in (task_id, f"{_BRANCH}{positions[task_id]}")}
    return frozenset(refs)


def _begun(batch_id: str) -> datetime:
    """When a run of which nothing is stored began, as its id says."""
    try:
        return datetime.strptime(batch_id[:15], _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise StoreError(f"{batch_id} is not the id of a batch run", hint="git for-each-ref refs/gitalign") from error
