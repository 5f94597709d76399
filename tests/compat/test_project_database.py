"""`DatabaseManager`: the names of the parallel orchestration's request over the journal of a repository."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest

from gitalign.batches.planning.tasks import TaskListError
from gitalign.compat.project_database import DatabaseManager
from gitalign.core.batch_records import BatchRunChange
from gitalign.engine.run.session import journal_of, open_for
from gitalign.errors import UserError
from gitalign.process_owner import HeldLock
from gitalign.store.run_locks import batch_lock
from tests.git.workspace import Workspace
from tests.runs import request
from tests.store.batch_rows import OPEN, new, running, worktree

T = TypeVar("T")
PLAN: dict[str, Any] = {
    "project_id": "6f1b7a0e-0000-4000-8000-000000000001",
    "created_at": "2026-03-01T12:00:00+00:00",
    "batches": [
        {"batch_id": 0, "task_ids": [1, 2], "can_parallel": True, "depends_on": []},
        {"batch_id": 1, "task_ids": [3], "can_parallel": False, "depends_on": [0]},
    ],
    "worktree_assignments": {},
    "predicted_conflicts": [],
    "metadata": {},
}
PROJECT = UUID(PLAN["project_id"])
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    work = Workspace(tmp_path / "repo")
    work.git("commit", "-q", "--allow-empty", "-m", "one")
    return work.path


def on(repository: Path, ask: Callable[[DatabaseManager], Awaitable[T]]) -> T:
    """What is asked of the database of a repository, opened for it alone."""

    async def asked() -> T:
        async with DatabaseManager(repository) as db:
            return await ask(db)

    return asyncio.run(asked())


def carried_out(repository: Path) -> str:
    """A batch run of the project, as its process writes it; its id."""
    with journal_of(open_for(request(repository))) as journal:
        change = new(project_id=str(PROJECT))
        journal.begin_batch_run(change, plan='{"batches": []}', open_states=OPEN)
        metadata = {"execution_mode": "parallel_running", "parallel_batch_run": change.record.id}
        trees = (worktree("a", 0),)
        journal.change_batch_run(BatchRunChange(record=running(change).record, worktrees=trees, metadata=metadata))
    return change.record.id


def test_a_project_its_plan_and_the_states_of_its_batches(repository: Path) -> None:
    async def go(db: DatabaseManager) -> None:
        assert await db.get_project(PROJECT) is None
        assert await db.get_execution_plan(PROJECT) is None
        assert await db.get_project_execution_mode(PROJECT) is None
        await db.create_project(PROJECT, name="demo")
        await db.save_execution_plan(PROJECT, PLAN)
        first, second = await db.get_parallel_batches(PROJECT)
        assert (first["batch_number"], first["batch_id"], first["task_ids"]) == (1, 0, [1, 2])
        await db.update_batch_status(second["id"], "running", started_at=AT)
        await db.update_batch_status(second["id"], "completed", completed_at=AT)
        await db.update_project_metadata(PROJECT, {"execution_mode": "parallel"})

    async def read(db: DatabaseManager) -> None:
        project = await db.get_project(PROJECT)
        assert project is not None
        assert (project["name"], project["local_path"]) == ("demo", str(repository))
        assert await db.get_execution_plan(PROJECT) == PLAN
        first, second = await db.get_parallel_batches(PROJECT)
        assert (first["status"], first["started_at"]) == ("pending", None)
        assert (second["status"], second["started_at"], second["completed_at"]) == ("completed", AT, AT)
        assert await db.get_batch_worktrees(first["id"]) == []
        assert await db.get_project_execution_mode(PROJECT) == "parallel"

    on(repository, go)
    on(repository, read)


def test_what_is_not_there_or_not_a_status_is_an_error(repository: Path) -> None:
    async def go(db: DatabaseManager) -> None:
        with pytest.raises(UserError, match="no project"):
            await db.update_project_metadata(PROJECT, {"execution_mode": "parallel"})
        with pytest.raises(UserError, match="no project"):
            await db.save_execution_plan(PROJECT, PLAN)
        with pytest.raises(UserError, match="no batch"):
            await db.update_batch_status(0, "running")
        with pytest.raises(UserError, match="not a status"):
            await db.update_batch_status(0, "stale")
        await db.create_project(PROJECT)
        with pytest.raises(TaskListError):
            await db.save_execution_plan(PROJECT, {"batches": 3})

    on(repository, go)
    with pytest.raises(UserError, match="not open"):
        asyncio.run(DatabaseManager(repository).get_project(PROJECT))


def test_what_two_callers_write_at_once_is_all_there(repository: Path) -> None:
    async def go(db: DatabaseManager) -> None:
        await db.create_project(PROJECT)
        await asyncio.gather(*(db.update_project_metadata(PROJECT, {f"key {n}": n}) for n in range(20)))
        project = await db.get_project(PROJECT)
        assert project is not None
        assert project["metadata"] == {f"key {n}": n for n in range(20)}

    on(repository, go)


def test_a_batch_that_is_carried_out_has_the_state_that_its_run_says(repository: Path) -> None:
    """Otherwise a caller could make one completed whose results never landed."""
    on(repository, lambda db: db.create_project(PROJECT))
    batch_run = carried_out(repository)

    async def go(db: DatabaseManager) -> None:
        first, _ = await db.get_parallel_batches(PROJECT)
        assert first["batch_run"] == batch_run
        with pytest.raises(UserError, match=f"batch run {batch_run} decides"):
            await db.update_batch_status(first["id"], "completed")
        await db.update_batch_status(first["id"], first["status"])
        (tree,) = await db.get_batch_worktrees(first["id"])
        assert (tree["path"], tree["branch"]) == (tree["worktree_path"], tree["branch_name"]) == ("/t/a", "batch/a")
        assert (tree["epic_id"], tree["status"]) == ("a", "active")
        assert await db.get_execution_plan(PROJECT) == {"batches": []}

    on(repository, go)


def test_a_mode_that_a_killed_process_wrote_does_not_count_and_a_stop_reaches_a_living_one(repository: Path) -> None:
    on(repository, lambda db: db.create_project(PROJECT))
    batch_run = carried_out(repository)
    state_dir = repository / ".git" / "gitalign"
    stop = {"parallel_stop_requested": True}

    async def asked(db: DatabaseManager) -> str | None:
        await db.update_project_metadata(PROJECT, stop)
        return await db.get_project_execution_mode(PROJECT)

    def requested() -> str:
        with journal_of(open_for(request(repository))) as journal:
            return journal.request_of_batch_run(batch_run)

    assert on(repository, asked) == "parallel"
    assert requested() == ""
    lock = HeldLock.take(batch_lock(state_dir, batch_run))
    assert lock is not None
    with lock:
        assert on(repository, asked) == "parallel_running"
        assert requested() == "stop"
