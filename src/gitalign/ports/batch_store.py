"""What is stored of batch runs and of projects. As in `ports.store`: every method is one transaction, on disk when it returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gitalign.core.batch_records import (
    BatchRecord,
    BatchRunChange,
    BatchRunRecord,
    ListedBatch,
    ListedWorktree,
    ProjectRecord,
    StoredBatchRun,
)
from gitalign.core.events import Event


class BatchRunStore(Protocol):
    """Batch runs with their batches, tasks and work trees.

    A process that begins a batch run, or takes one, holds it with a fencing token, as runs are held (`ClaimStore`): what a
    process that was taken for dead writes later is refused (`RunTakenOver`).
    """

    def begin_batch_run(
        self, change: BatchRunChange, *, plan: str, open_states: Collection[str], seen: Collection[str] | None = None
    ) -> str | None:
        """Write a new run; this object holds it from now on.

        Args:
            change: the run.
            plan: of it.
            open_states: of runs that a run of the same plan cannot begin beside.
            seen: ids of all runs of the plan that the caller has looked at; None where another one does not matter.

        Returns:
            None when it was written; else the id of a run of the same plan onto the same target that is in one of the
            states, or that was not seen, and nothing was written. Of two that begin at once one is written.
        """

    def take_batch_run(self, batch_run: str) -> None:
        """Hold a run; its earlier holder writes nothing more.

        Raises:
            UnknownBatch
        """

    def change_batch_run(self, change: BatchRunChange) -> None:
        """Write what changed.

        Raises:
            UnknownBatch
            RunTakenOver: another process took the run.
        """

    def batch_run(self, word: str) -> BatchRunRecord:
        """One run, by full id, unambiguous prefix, or the word `last`.

        Raises:
            UnknownBatch: none, or several.
        """

    def stored_batch_run(self, batch_run: str) -> StoredBatchRun:
        """All that is kept of a run, as of one moment.

        Raises:
            UnknownBatch
        """

    def batch_runs(self) -> tuple[BatchRunRecord, ...]:
        """Oldest first."""

    def batch_runs_of_plan(self, plan_digest: str, target: str) -> tuple[BatchRunRecord, ...]:
        """Runs of a plan onto a target, oldest first."""

    def ask_batch_run(self, batch_run: str, request: str, *, metadata: Mapping[str, Any]) -> None:
        """Leave a request for the process that carries a run out, in place of an earlier one.

        Raises:
            UnknownBatch
        """

    def request_of_batch_run(self, batch_run: str) -> str:
        """The request that is there; empty for none."""

    def forget_batch_runs(self, batch_runs: Sequence[str]) -> None:
        """Remove runs with all that belongs to them."""

    def append_batch_events(self, batch_run: str, events: Sequence[Event]) -> None:
        """Add what happened in a run. What is written already is not added again."""

    def batch_events(self, batch_run: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""

    def last_batch_event(self, batch_run: str) -> int:
        """The `seq` of the last event of a run; 0 before the first."""


class ProjectStore(Protocol):
    """Projects, and their batches as the original requests ask for them."""

    def put_project(self, project: ProjectRecord) -> None:
        """Write a project down; what is known of it stays, but for name and path. Its metadata is merged in."""

    def project(self, project_id: str) -> ProjectRecord | None:
        """A project with its metadata."""

    def merge_project_metadata(self, project_id: str, updates: Mapping[str, Any]) -> bool:
        """Replace these keys, and no others. What two processes write at once is all there.

        Returns:
            False when there is no such project; nothing is written.
        """

    def batch_run_of_project(self, project_id: str) -> BatchRunRecord | None:
        """The newest run of a project."""

    def plan_of_batch_run(self, batch_run: str) -> str:
        """The plan of a run, as it was stored.

        Raises:
            UnknownBatch
        """

    def plan_project_batches(self, project_id: str, batches: Sequence[BatchRecord]) -> None:
        """Write down the batches of a plan that no run carries out, in place of those that were planned before."""

    def batches_of_project(self, project_id: str) -> tuple[ListedBatch, ...]:
        """Batches of the newest run of a project; without a run, those that were planned. In the order of the plan."""

    def batch_by_key(self, key: int) -> ListedBatch | None:
        """One batch."""

    def set_planned_batch(
        self, key: int, status: str, *, started_at: datetime | None, completed_at: datetime | None
    ) -> bool:
        """Change a batch that no run carries out; None keeps a time. False when it is not such a batch."""

    def worktrees_of_batch(self, key: int) -> tuple[ListedWorktree, ...]:
        """Work trees of a batch, in the order of the plan."""
