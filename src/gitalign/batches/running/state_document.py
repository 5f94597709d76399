"""The state of a batch run as a document: explicit keys, and a reader that takes newer minor versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gitalign.batches.planning.plan import ExecutionMode
from gitalign.batches.planning.plan_document import from_dict, to_dict
from gitalign.batches.running.state import BatchProgress, BatchRun, MergeStatus, Status, TaskRun
from gitalign.documents.reading import (
    Malformed,
    as_int,
    as_oid,
    as_text,
    as_time,
    each,
    field,
    mapping,
    maybe,
    member_of,
    members,
    time_text,
)

FORMAT = "git-align/batch-run"
_MAJOR, _MINOR = 1, 0


def dump(run: BatchRun) -> dict[str, Any]:
    """The run as a JSON document."""
    return {
        "format": FORMAT,
        "version": f"{_MAJOR}.{_MINOR}",
        "id": run.id,
        "target": run.target,
        "status": run.status.value,
        "execution_mode": run.mode.value,
        "mode_reason": run.mode_reason,
        "created_at": time_text(run.created_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "current_batch": run.current_batch,
        "completed_batches": run.completed_batches,
        "batches_total": len(run.batches),
        "owner": run.owner,
        "batches": [_dump_batch(number, one) for number, one in enumerate(run.batches)],
        "tasks": {task_id: _dump_task(one) for task_id, one in run.tasks.items()},
        "plan": to_dict(run.plan),
    }


def load(value: Any) -> BatchRun:
    """Reads what `dump` writes.

    Raises:
        Malformed
        TaskListError: the plan in it cannot be read.
    """
    data = members(value)
    if data.get("format") != FORMAT or not str(data.get("version", "")).startswith(f"{_MAJOR}."):
        raise Malformed(f"{FORMAT} version {_MAJOR} expected")
    return BatchRun(
        id=field(data, "id", as_text),
        plan=from_dict(field(data, "plan", members)),
        target=field(data, "target", as_text),
        mode=field(data, "execution_mode", member_of(ExecutionMode)),
        mode_reason=field(data, "mode_reason", as_text),
        created_at=field(data, "created_at", as_time),
        status=field(data, "status", member_of(Status)),
        started_at=maybe(data, "started_at", as_time),
        finished_at=maybe(data, "finished_at", as_time),
        owner=field(data, "owner", as_text, ""),
        batches=each(data, "batches", _load_batch),
        tasks=dict(field(data, "tasks", mapping(_load_task))),
    )


def _dump_batch(number: int, one: BatchProgress) -> dict[str, Any]:
    return {
        "batch_number": number,
        "status": one.status.value,
        "started_at": _time(one.started_at),
        "finished_at": _time(one.finished_at),
        "base": one.base,
        "merge_status": one.merge_status.value if one.merge_status is not None else None,
        "landed": one.landed,
        "landing_run": one.landing_run,
        "reason": one.reason,
    }


def _load_batch(value: Any) -> BatchProgress:
    data = members(value)
    return BatchProgress(
        status=field(data, "status", member_of(Status)),
        started_at=maybe(data, "started_at", as_time),
        finished_at=maybe(data, "finished_at", as_time),
        base=maybe(data, "base", as_oid),
        merge_status=maybe(data, "merge_status", member_of(MergeStatus)),
        landed=maybe(data, "landed", as_oid),
        landing_run=field(data, "landing_run", as_text, ""),
        reason=field(data, "reason", as_text, ""),
    )


def _dump_task(one: TaskRun) -> dict[str, Any]:
    return {
        "status": one.status.value,
        "attempts": one.attempts,
        "started_at": _time(one.started_at),
        "finished_at": _time(one.finished_at),
        "base": one.base,
        "result": one.result,
        "wip": one.wip,
        "reason": one.reason,
        "exit_code": one.exit_code,
        "kept_in": one.kept_in,
        "notices": list(one.notices),
    }


def _load_task(value: Any) -> TaskRun:
    data = members(value)
    return TaskRun(
        status=field(data, "status", member_of(Status)),
        attempts=field(data, "attempts", as_int),
        started_at=maybe(data, "started_at", as_time),
        finished_at=maybe(data, "finished_at", as_time),
        base=maybe(data, "base", as_oid),
        result=maybe(data, "result", as_oid),
        wip=maybe(data, "wip", as_oid),
        reason=field(data, "reason", as_text, ""),
        exit_code=maybe(data, "exit_code", as_int),
        kept_in=field(data, "kept_in", as_text, ""),
        notices=each(data, "notices", as_text, ()),
    )


def _time(moment: datetime | None) -> str | None:
    return time_text(moment) if moment is not None else None
