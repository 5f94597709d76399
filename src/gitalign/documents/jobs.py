"""Jobs of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gitalign.core.jobs import Job
from gitalign.documents.formats import stamped
from gitalign.documents.reading import time_text

if TYPE_CHECKING:
    from gitalign.documents.models.service import JobDocument, JobsDocument


def dump_job(value: Job) -> JobDocument:
    """One job."""
    error = value.error
    return {
        "id": value.id,
        "repository": value.repository,
        "kind": value.kind,
        "state": value.state,
        "params": dict(value.params),
        "plan_id": value.plan_id,
        "run_id": value.run_id,
        "attempts": value.attempts,
        "stop_requested": value.stop_requested,
        "asked": value.asked,
        "created_by": value.created_by,
        "created_at": time_text(value.created_at),
        "started_at": None if value.started_at is None else time_text(value.started_at),
        "finished_at": None if value.finished_at is None else time_text(value.finished_at),
        "outcome": value.outcome,
        "error": None
        if error is None
        else {
            "code": error["code"],
            "message": error["message"],
            "hint": error.get("hint", ""),
            "exit_code": error.get("exit_code", 3),
        },
    }


def dump(value: Job) -> dict[str, Any]:
    """A job as a document of its own."""
    return stamped("job", dump_job(value))


def dump_jobs(values: Iterable[Job], *, next_page: str | None) -> dict[str, Any]:
    """A page of jobs."""
    content: JobsDocument = {"jobs": [dump_job(value) for value in values], "next": next_page}
    return stamped("jobs", content)
