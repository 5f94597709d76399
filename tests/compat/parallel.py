"""A repository with a project in its journal, and plans as the parallel orchestration's request has them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest

from gitalign import facade
from gitalign.compat.parallel.batch_executor import BatchExecutor
from gitalign.compat.parallel.execution_plan import ExecutionPlan
from gitalign.compat.project_database import DatabaseManager
from tests.batches.trees import World, make_world

T = TypeVar("T")
PROJECT = UUID("6f1b7a0e-0000-4000-8000-000000000001")


@dataclass
class Project:
    """A project, and the events that its executor reported."""

    world: World
    events: list[dict[str, Any]] = field(default_factory=list)

    def plan(self, *batches: tuple[list[int], bool], scripts: dict[int, str] | None = None) -> dict[str, Any]:
        """A plan as a document: batches of task ids, and whether each can run in parallel."""
        ids = [one for task_ids, _ in batches for one in task_ids]
        tasks = [
            {
                "id": one,
                "shell": (scripts or {}).get(one, f"echo {one} > file-{one}"),
                "commit_leftovers": True,
                "timeout": 60,
            }
            for one in ids
        ]
        return {
            "project_id": str(PROJECT),
            "created_at": "2026-03-01T12:00:00+00:00",
            "batches": [
                {"batch_id": number, "task_ids": task_ids, "can_parallel": can, "depends_on": list(range(number))}
                for number, (task_ids, can) in enumerate(batches)
            ],
            "worktree_assignments": {},
            "predicted_conflicts": [],
            "metadata": {"task_list": {"tasks": tasks}},
        }

    def with_db(self, ask: Callable[[DatabaseManager], Awaitable[T]]) -> T:
        """What is asked of the database, with the project in it."""

        async def go() -> T:
            async with DatabaseManager(self.world.path) as db:
                await db.create_project(PROJECT, name="demo")
                return await ask(db)

        return asyncio.run(go())

    def executor(self, db: Any, **more: Any) -> BatchExecutor:
        """An executor whose tasks are not confined: they meet in a folder of the test."""

        async def callback(event: dict[str, Any]) -> None:
            self.events.append(event)

        made = BatchExecutor(PROJECT, self.world.path, db, progress_callback=callback, **more)
        made.options = facade.BatchOptions(confinement="none", max_concurrency=made.max_concurrency)
        return made

    def execute(self, document: dict[str, Any], **more: Any) -> list[Any]:
        """Results of a plan."""

        async def go(db: DatabaseManager) -> list[Any]:
            await db.save_execution_plan(PROJECT, document)
            return await self.executor(db, **more).execute_plan(ExecutionPlan.from_dict(document))

        return self.with_db(go)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Events of these kinds."""
        return [one for one in self.events if one["type"] in kinds]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Project(make_world(tmp_path))
