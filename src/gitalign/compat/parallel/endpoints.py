"""The three endpoints of the parallel orchestration's request, for any web framework: each returns what is to be answered.

`ParallelError.status` is the HTTP status of a refusal.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any
from uuid import UUID

from gitalign import facade
from gitalign.batches.running.state import Request as Asked
from gitalign.compat.parallel.execution_plan import NoExecutionPlan
from gitalign.compat.parallel.orchestrator import ParallelOrchestrator
from gitalign.compat.project_database import DatabaseManager
from gitalign.core.names import display
from gitalign.errors import UserError

_LOG = logging.getLogger("gitalign.batches")


class UnknownProject(UserError):
    """There is no such project."""

    code = "unknown_project"
    status = 404


class AlreadyInProgress(UserError):
    """The plan of the project is being run."""

    code = "parallel_in_progress"
    status = 409


class ParallelEndpoints:
    """`start`, `status` and `stop` of the plan of a project. Belongs to one event loop.

    Args:
        project_path: any path inside the repository whose journal holds the projects.
        orchestrator: runs plans; None for one with the defaults.
    """

    def __init__(self, project_path: str | Path = ".", orchestrator: ParallelOrchestrator | None = None) -> None:
        self.project_path = Path(project_path)
        self._orchestrator = orchestrator or ParallelOrchestrator(project_path)
        self._running: dict[UUID, asyncio.Task[dict[str, Any]]] = {}

    async def start(self, project_id: UUID) -> dict[str, Any]:
        """Start the plan of a project in the background.

        Raises:
            UnknownProject, NoExecutionPlan, AlreadyInProgress
            StoreError
        """
        known = self._running.get(project_id)
        if known is not None and not known.done():
            raise _in_progress(project_id)
        # Taken before anything is waited for: of two requests at once one is refused.
        claim: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running[project_id] = asyncio.create_task(self._run(project_id, claim))
        try:
            await self._require_startable(project_id)
        except BaseException as error:
            claim.cancel()
            self._running.pop(project_id, None)
            raise error
        claim.set_result(None)
        return {"status": "started", "message": "Parallel execution initiated", "project_id": str(project_id)}

    async def status(self, project_id: UUID) -> dict[str, Any]:
        """How the plan of a project stands.

        Raises:
            UnknownProject, StoreError
        """
        async with DatabaseManager(self.project_path) as db:
            project = await db.get_project(project_id)
            if project is None:
                raise _unknown(project_id)
            plan = await db.get_execution_plan(project_id)
            mode = await db.get_project_execution_mode(project_id)
        metadata = project["metadata"]
        view = await asyncio.to_thread(self._view, project_id)
        started = view.run.started_at if view is not None else None
        return {
            "execution_mode": "parallel_running" if view is not None and view.is_alive else mode or "sequential",
            "parallel_started_at": started.isoformat() if started is not None else metadata.get("parallel_started_at"),
            "batches_total": len((plan or {}).get("batches", ())),
            "current_batch": view.run.current_batch if view is not None else None,
            "completed_batches": view.run.completed_batches if view is not None else 0,
            "is_running": view is not None and view.is_alive,
        }

    async def stop(self, project_id: UUID) -> dict[str, Any]:
        """Have the plan end when its running tasks have ended.

        Raises:
            UnknownProject, StoreError
        """
        async with DatabaseManager(self.project_path) as db:
            if await db.get_project(project_id) is None:
                raise _unknown(project_id)
            view = await asyncio.to_thread(self._view, project_id)
            if view is not None and view.is_alive:
                await asyncio.to_thread(facade.ask_batch, self._request, view.run.id, Asked.STOP)
        return {"status": "stopping", "message": "Stop requested"}

    async def finished(self, project_id: UUID) -> dict[str, Any] | None:
        """Wait for the plan that was started here; what became of it, None when none was.

        Raises:
            what running it raised.
        """
        task = self._running.get(project_id)
        return await task if task is not None else None

    async def _run(self, project_id: UUID, claim: asyncio.Future[None]) -> dict[str, Any]:
        await claim
        try:
            return await self._orchestrator.start_parallel_execution(project_id)
        except Exception as error:
            _LOG.warning("the plan of project %s: %s: %s", project_id, type(error).__name__, error)
            raise

    async def _require_startable(self, project_id: UUID) -> None:
        async with DatabaseManager(self.project_path) as db:
            if await db.get_project(project_id) is None:
                raise _unknown(project_id)
            if not await db.get_execution_plan(project_id):
                raise NoExecutionPlan("No execution plan found. Run initialization first.", hint="save_execution_plan")
            mode = await db.get_project_execution_mode(project_id)
        view = await asyncio.to_thread(self._view, project_id)
        if mode == "parallel_running" or (view is not None and view.is_alive):
            raise _in_progress(project_id)

    @property
    def _request(self) -> facade.Request:
        return facade.Request(repo=self.project_path)

    def _view(self, project_id: UUID) -> facade.BatchView | None:
        """The newest batch run of a project."""
        return facade.batch_of_project(self._request, project_id)


def _unknown(project_id: UUID) -> UnknownProject:
    return UnknownProject(f"there is no project {display(str(project_id))}", hint="create_project")


def _in_progress(project_id: UUID) -> AlreadyInProgress:
    return AlreadyInProgress("Parallel execution already in progress", hint=f"status of project {project_id}")
