"""`DatabaseManager`, as the parallel orchestration's request names it: the batch tables of a repository's journal.

A row that belongs to a batch run is written by the process that carries the run out, and by it alone. So a status that is given
here for such a batch is compared, not written: no caller can make a batch `completed` that has not landed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from gitalign import facade
from gitalign.batches.planning.plan_document import from_dict
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.state import Request as Asked
from gitalign.core.batch_records import PROJECT_RUN_KEY, BatchRecord, ListedBatch, ListedWorktree, ProjectRecord
from gitalign.core.names import display
from gitalign.documents.reading import plain
from gitalign.engine.run.session import journal_of, open_for
from gitalign.errors import UserError
from gitalign.ports import Journal
from gitalign.process_owner import HeldLock
from gitalign.store.run_locks import batch_lock

T = TypeVar("T")
_STATES = frozenset({"pending", "running", "completed", "failed", "cancelled"})
_UNDER_WAY = frozenset({"parallel_running", "paused"})
PLAN_KEY = "execution_plan"


class DatabaseManager:
    """Projects, their batches and work trees, in the journal of a repository. Opened by `async with`.

    Args:
        project_path: any path inside the repository.

    Raises, from every method: `UserError` for what is not there or not allowed, `StoreError`.
    """

    def __init__(self, project_path: str | Path = ".") -> None:
        self._project_path = project_path
        self._opened = ExitStack()
        self._journal: Journal | None = None
        self._state_dir = Path()
        self._local_path = ""
        self.project_id: UUID | None = None
        """By which plans know the repository; known while the database is open."""

    async def __aenter__(self) -> DatabaseManager:
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal = None
        await asyncio.to_thread(self._opened.close)

    async def get_project(self, project_id: UUID | str) -> dict[str, Any] | None:
        """`id, name, local_path, created_at, metadata`; None when there is no such project."""
        project = await self._asked(lambda journal: journal.project(str(project_id)))
        if project is None:
            return None
        return {
            "id": UUID(project.id),
            "name": project.name,
            "local_path": project.local_path,
            "created_at": project.created_at,
            "metadata": dict(project.metadata),
        }

    async def create_project(
        self, project_id: UUID | str | None = None, name: str = "", metadata: Mapping[str, Any] | None = None
    ) -> UUID:
        """Write a project of this repository down; the metadata of one that is there is merged.

        Args:
            project_id: None for the id by which plans know the repository.
            name: empty for that of the repository's folder.
            metadata: JSON values.
        """
        known = UUID(str(project_id)) if project_id is not None else self.project_id
        project = ProjectRecord(
            id=str(known),
            name=name or Path(self._local_path).name,
            local_path=self._local_path,
            created_at=datetime.now(UTC),
            metadata=dict(metadata or {}),
        )
        await self._asked(lambda journal: journal.put_project(project))
        return UUID(project.id)

    async def save_execution_plan(self, project_id: UUID | str, plan: Mapping[str, Any]) -> None:
        """Keep a plan for a project, with a `pending` row for each of its batches.

        Raises:
            TaskListError: it is not a plan.
        """
        batches = from_dict(plan).batches
        now = datetime.now(UTC)
        rows = [
            BatchRecord(number=number, status="pending", task_ids=batch.task_ids, created_at=now)
            for number, batch in enumerate(batches)
        ]

        def save(journal: Journal) -> None:
            if not journal.merge_project_metadata(str(project_id), {PLAN_KEY: plain(plan)}):
                raise _no_project(project_id)
            journal.plan_project_batches(str(project_id), rows)

        await self._asked(save)

    async def get_execution_plan(self, project_id: UUID | str) -> dict[str, Any] | None:
        """The plan that was kept for a project, else that of its newest batch run; None without either."""

        def read(journal: Journal) -> Any:
            project = journal.project(str(project_id))
            if project is not None and project.metadata.get(PLAN_KEY):
                return project.metadata[PLAN_KEY]
            run = journal.batch_run_of_project(str(project_id))
            return json.loads(journal.plan_of_batch_run(run.id)) if run is not None else None

        plan = await self._asked(read)
        return None if plan is None else dict(plan)

    async def get_parallel_batches(self, project_id: UUID | str) -> list[dict[str, Any]]:
        """Batches of a project's newest batch run, else of its plan: `id, project_id, batch_number, status, task_ids, …`.

        `id` is what `update_batch_status` and `get_batch_worktrees` take. `batch_number` counts from 1, `batch_id` from 0,
        as plans do.
        """
        listed = await self._asked(lambda journal: journal.batches_of_project(str(project_id)))
        return [_batch_row(one) for one in listed]

    async def update_batch_status(
        self,
        batch_id: int,
        status: str,
        started_at: datetime | None = None,
        completed_at: datetime | None = None,
    ) -> None:
        """Change a batch that no batch run carries out; a time that is not given stays.

        Args:
            batch_id: `id` of `get_parallel_batches`.
            status: `pending`, `running`, `completed`, `failed` or `cancelled`.

        Raises:
            UserError: no such batch, not a status, or another one than the batch run says.
        """
        if status not in _STATES:
            raise UserError(f"not a status of a batch: {display(status)}", hint=f"one of {', '.join(sorted(_STATES))}")

        def change(journal: Journal) -> None:
            if journal.set_planned_batch(batch_id, status, started_at=started_at, completed_at=completed_at):
                return
            known = journal.batch_by_key(batch_id)
            if known is None:
                raise UserError(f"there is no batch {batch_id}", hint="take the id of get_parallel_batches")
            if known.batch.status != status:
                raise UserError(
                    f"batch {known.batch.number} is {known.batch.status}: batch run {known.batch_run} decides that",
                    hint=f"git align batch status {known.batch_run}",
                    code="batch_is_carried_out",
                )

        await self._asked(change)

    async def get_batch_worktrees(self, batch_id: int) -> list[dict[str, Any]]:
        """Work trees of a batch: the columns `id, project_id, epic_id, branch_name, worktree_path, status, merge_commit,
        created_at, merged_at`, and `path` and `branch` as the merge validation reads them. `epic_id` is the task's id.
        """
        listed = await self._asked(lambda journal: journal.worktrees_of_batch(batch_id))
        return [_worktree_row(one) for one in listed]

    async def update_project_metadata(self, project_id: UUID | str, metadata_updates: Mapping[str, Any]) -> None:
        """Replace these keys of a project's metadata, and no others, at once.

        `parallel_stop_requested` stops the project's batch run, as `git align batch stop` does.

        Raises:
            UserError: there is no such project.
        """

        def merge(journal: Journal) -> None:
            if not journal.merge_project_metadata(str(project_id), plain(metadata_updates)):
                raise _no_project(project_id)
            run = journal.batch_run_of_project(str(project_id))
            if metadata_updates.get("parallel_stop_requested") and run is not None and self._is_alive(run.id):
                journal.ask_batch_run(run.id, Asked.STOP.value, metadata={})

        await self._asked(merge)

    async def get_project_execution_mode(self, project_id: UUID | str) -> str | None:
        """`sequential`, `parallel`, `parallel_running`, `parallel_completed`, `parallel_failed` or `paused`; None when not known.

        What a killed process wrote does not count: a run under way whose process is gone is `parallel`.
        """

        def read(journal: Journal) -> str | None:
            project = journal.project(str(project_id))
            mode = project.metadata.get("execution_mode") if project is not None else None
            run = project.metadata.get(PROJECT_RUN_KEY) if project is not None else None
            if mode in _UNDER_WAY and run and not self._is_alive(str(run)):
                return "parallel"
            return None if mode is None else str(mode)

        return await self._asked(read)

    def _open(self) -> None:
        opened = open_for(facade.Request(repo=self._project_path))
        self._state_dir = opened.repository.state_dir
        self._local_path = str(opened.repository.work_tree or opened.repository.common_dir)
        self.project_id = project_id_of(opened.repository)
        self._journal = self._opened.enter_context(journal_of(opened))

    def _is_alive(self, batch_run: str) -> bool:
        return HeldLock.is_held(batch_lock(self._state_dir, batch_run))

    async def _asked(self, ask: Callable[[Journal], T]) -> T:
        if self._journal is None:
            raise UserError("the database is not open", hint="async with DatabaseManager(path) as db: …")
        return await asyncio.to_thread(ask, self._journal)


def _no_project(project_id: UUID | str) -> UserError:
    return UserError(f"there is no project {display(str(project_id))}", hint="await db.create_project(project_id)")


def _batch_row(listed: ListedBatch) -> dict[str, Any]:
    batch = listed.batch
    return {
        "id": listed.key,
        "project_id": UUID(listed.project_id),
        "batch_number": batch.number + 1,
        "batch_id": batch.number,
        "batch_run": listed.batch_run,
        "status": batch.status,
        "task_ids": [int(one) if one.isdecimal() else one for one in batch.task_ids],
        "started_at": batch.started_at,
        "completed_at": batch.completed_at,
        "created_at": batch.created_at,
    }


def _worktree_row(listed: ListedWorktree) -> dict[str, Any]:
    tree = listed.worktree
    return {
        "id": listed.key,
        "project_id": UUID(listed.project_id),
        "epic_id": tree.task_id,
        "branch_name": tree.branch,
        "worktree_path": tree.path,
        "branch": tree.branch,
        "path": tree.path,
        "status": tree.status,
        "merge_commit": tree.merge_commit,
        "created_at": tree.created_at,
        "merged_at": tree.merged_at,
    }
