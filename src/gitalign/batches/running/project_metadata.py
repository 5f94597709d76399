"""What the metadata of a project says of its newest batch run, under the keys of the original requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gitalign.batches.planning.plan import ExecutionMode
from gitalign.batches.running.state import BatchRun, Request, Status
from gitalign.core.batch_records import PROJECT_RUN_KEY
from gitalign.documents.reading import time_text

_MODES = {
    Status.RUNNING: "parallel_running",
    Status.COMPLETED: "parallel_completed",
    Status.FAILED: "parallel_failed",
}


def mode_of(run: BatchRun) -> str:
    """`sequential`, `parallel`, `parallel_running`, `parallel_completed` or `parallel_failed`."""
    return _MODES.get(run.status, run.mode.value) if run.mode is ExecutionMode.PARALLEL else run.mode.value


def metadata_of(run: BatchRun) -> dict[str, Any]:
    """Keys and values as a run is now."""
    reasons = [one.reason for one in run.batches if one.status is Status.FAILED and one.reason]
    is_over = run.status.is_final
    return {
        PROJECT_RUN_KEY: run.id,
        "execution_mode": mode_of(run),
        "mode_reason": run.mode_reason,
        "mode_selected_at": time_text(run.created_at),
        "parallel_started_at": _time(run.started_at),
        "parallel_completed_at": _time(run.finished_at),
        "parallel_status": run.status.value,
        "parallel_result": _result(run) if is_over else None,
        "parallel_error": "; ".join(reasons) or None,
        "current_batch": run.current_batch,
        "completed_batches": run.completed_batches,
        "batches_total": len(run.batches),
    }


def request_metadata(run: BatchRun, request: Request, at: datetime) -> dict[str, Any]:
    """Keys and values that say what a run was asked."""
    stops = request in (Request.STOP, Request.CANCEL)
    pauses = request is Request.PAUSE
    return {
        "execution_mode": "paused" if pauses else mode_of(run),
        "parallel_stop_requested": stops,
        "parallel_stop_requested_at": time_text(at) if stops else None,
        "parallel_paused_at": time_text(at) if pauses else None,
    }


def _result(run: BatchRun) -> dict[str, Any]:
    started, finished = run.started_at, run.finished_at
    seconds = (finished - started).total_seconds() if started is not None and finished is not None else 0.0
    return {
        "status": run.status.value,
        "batches_completed": run.completed_batches,
        "batches_total": len(run.batches),
        "total_duration": seconds,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)
