"""Batches: plans, their runs, and what tasks write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from gitalign.client.bodies import BatchLanding, BatchPlanning, BatchRunning
from gitalign.client.operation import Ask, operation
from gitalign.documents.models.batch_plans import BatchPlanDocument
from gitalign.documents.models.batches import BatchEventsDocument, BatchRunDocument, BatchRunsDocument
from gitalign.documents.models.service import JobDocument, JobsDocument, TaskLogDocument


class Batches:
    """Jobs about batches, and their documents."""

    @operation("POST /api/v1/repositories/{repository}/batch-plans")
    def batch_plan(
        self,
        repository: str,
        text: str,
        *,
        key: str | None = None,
        name: str = "tasks.yaml",
        **more: Unpack[BatchPlanning],
    ) -> Ask[JobDocument]:
        """Submit a task list or a plan of a batch; the job's `plan_id` names it. Nothing of it runs.

        Args:
            repository: by name.
            text: of the file.
            name: of the file; its ending says how it is written.
            key: the same key asks for the same job; a new one when None.
            more: as the API takes it.
        """
        return Ask(body={"text": text, "name": name, **more})

    @operation("GET /api/v1/repositories/{repository}/batch-plans")
    def list_batch_plans(
        self, repository: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Ask[JobsDocument]:
        """A page of jobs that made plans of batches, newest first."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("GET /api/v1/repositories/{repository}/batch-plans/{plan_id}")
    def batch_plan_of(self, repository: str, plan_id: str) -> Ask[BatchPlanDocument]:
        """A plan of a batch with its commands."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/batches")
    def batch_run(
        self, repository: str, plan_id: str, *, key: str | None = None, **how: Unpack[BatchRunning]
    ) -> Ask[JobDocument]:
        """Have workers execute a plan that was submitted."""
        return Ask(body={"plan_id": plan_id, **how})

    @operation("GET /api/v1/repositories/{repository}/batches")
    def list_batches(
        self, repository: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Ask[JobsDocument]:
        """A page of jobs that carried batch runs out, newest first."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("POST /api/v1/repositories/{repository}/batch-lists")
    def batch_list(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask for all batch runs of the repository, also those of the command line."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/batch-list")
    def newest_batch_list(self, repository: str) -> Ask[BatchRunsDocument]:
        """All batch runs, as they were when they were last looked at."""
        return Ask()

    @operation("GET /api/v1/repositories/{repository}/batches/{batch}")
    def batch(self, repository: str, batch: str) -> Ask[BatchRunDocument]:
        """How a batch run stands; also while it runs."""
        return Ask()

    @operation("GET /api/v1/repositories/{repository}/batches/{batch}/logs/{task}")
    def batch_log(self, repository: str, batch: str, task: str, *, offset: int = 0) -> Ask[TaskLogDocument]:
        """What a task wrote, from an offset in bytes on."""
        return Ask(params={"offset": offset})

    @operation("GET /api/v1/repositories/{repository}/batches/{batch}/events")
    def batch_events(
        self, repository: str, batch: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Ask[BatchEventsDocument]:
        """A page of what happened in a batch run, oldest first."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/pause")
    def batch_pause(self, repository: str, batch: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Start no further task of a batch run; `batch_resume` goes on."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/stop")
    def batch_stop(self, repository: str, batch: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Start no further task of a batch run, and end it when those that run have ended."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/cancel")
    def batch_cancel(self, repository: str, batch: str, *, key: str | None = None) -> Ask[JobDocument]:
        """End what runs of a batch run; everything is pinned."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/resume")
    def batch_resume(
        self, repository: str, batch: str, *, key: str | None = None, lands: bool = True
    ) -> Ask[JobDocument]:
        """Ask to go on with a batch run."""
        return Ask(body={"lands": lands})

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/retry")
    def batch_retry(
        self, repository: str, batch: str, *, key: str | None = None, tasks: Sequence[str] = (), lands: bool = True
    ) -> Ask[JobDocument]:
        """Ask to run again what failed in a batch run, and what is named."""
        return Ask(body={"tasks": list(tasks), "lands": lands})

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/land")
    def batch_land(
        self, repository: str, batch: str, *, key: str | None = None, **how: Unpack[BatchLanding]
    ) -> Ask[JobDocument]:
        """Ask to land a batch run whose landing was left for later. No task runs."""
        return Ask(body=how)

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/undo")
    def batch_undo(
        self, repository: str, batch: str, *, key: str | None = None, push: bool = False
    ) -> Ask[JobDocument]:
        """Ask to put the target back to before a batch run."""
        return Ask(body={"push": push})

    @operation("POST /api/v1/repositories/{repository}/batches/{batch}/reports")
    def batch_report(self, repository: str, batch: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to write a batch run up as a page in one file."""
        return Ask(body={})
