"""The state of a batch run as a document: explicit keys, and a reader that takes newer minor versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gitalign.batches.planning.plan import ExecutionMode
from gitalign.batches.planning.plan_document import from_dict, to_dict
from gitalign.batches.running.state import (
    BatchProgress,
    BatchRun,
    Landed,
    LeftOut,
    MergeStatus,
    ResultConflict,
    RunningConflict,
    SecretLeak,
    Status,
    TaskRun,
)
from gitalign.core.hunks import Hunk, HunkSide
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import (
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

FORMAT = "batch-run"


def dump(run: BatchRun) -> dict[str, Any]:
    """The run as a JSON document."""
    return stamped(FORMAT, content_of(run))


def content_of(run: BatchRun) -> dict[str, Any]:
    """The members of a run's document."""
    return {
        **head_of(run),
        "batches": [dump_batch(number, one) for number, one in enumerate(run.batches)],
        "tasks": {task_id: dump_task(one) for task_id, one in run.tasks.items()},
        "plan": to_dict(run.plan),
    }


def head_of(run: BatchRun) -> dict[str, Any]:
    """The members of a run's document but for its batches, its tasks and its plan."""
    return {
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
        "options": dict(run.options),
        "running_conflicts": [_dump_running(one) for one in run.running_conflicts],
    }


def load(value: Any) -> BatchRun:
    """Reads what `dump` writes.

    Raises:
        Malformed
        TaskListError: the plan in it cannot be read.
    """
    data = opened(value, FORMAT)
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
        options=field(data, "options", members, {}),
        running_conflicts=each(data, "running_conflicts", _load_running, ()),
    )


def dump_batch(number: int, one: BatchProgress) -> dict[str, Any]:
    """The members of one batch."""
    return {
        "batch_number": number,
        "status": one.status.value,
        "started_at": _time(one.started_at),
        "finished_at": _time(one.finished_at),
        "base": one.base,
        "landing_run": one.landing_run,
        "outcome": _dump_outcome(one.outcome) if one.outcome is not None else None,
        "reason": one.reason,
        "changed_meanwhile": list(one.changed_meanwhile),
    }


def _load_batch(value: Any) -> BatchProgress:
    data = members(value)
    return BatchProgress(
        status=field(data, "status", member_of(Status)),
        started_at=maybe(data, "started_at", as_time),
        finished_at=maybe(data, "finished_at", as_time),
        base=maybe(data, "base", as_oid),
        landing_run=field(data, "landing_run", as_text, ""),
        outcome=maybe(data, "outcome", _load_outcome),
        reason=field(data, "reason", as_text, ""),
        changed_meanwhile=each(data, "changed_meanwhile", as_text, ()),
    )


def _dump_outcome(one: Landed) -> dict[str, Any]:
    return {
        "merge_status": one.merge_status.value,
        "landed": one.landed,
        "landing_run": one.landing_run,
        "reason": one.reason,
        "tests": one.tests,
        "output": one.output,
        "conflicts": [conflict_content(conflict) for conflict in one.conflicts],
        "would_land": list(one.would_land),
        "left_out": [left_out_content(left) for left in one.left_out],
        "flaky": list(one.flaky),
        "pushed_to": one.pushed_to,
        "push_detail": one.push_detail,
    }


def _load_outcome(value: Any) -> Landed:
    data = members(value)
    return Landed(
        merge_status=field(data, "merge_status", member_of(MergeStatus)),
        landed=maybe(data, "landed", as_oid),
        landing_run=field(data, "landing_run", as_text, ""),
        reason=field(data, "reason", as_text, ""),
        tests=field(data, "tests", as_text, ""),
        output=field(data, "output", as_text, ""),
        conflicts=each(data, "conflicts", _load_conflict, ()),
        would_land=each(data, "would_land", as_text, ()),
        left_out=each(data, "left_out", left_out_of, ()),
        flaky=each(data, "flaky", as_text, ()),
        pushed_to=field(data, "pushed_to", as_text, ""),
        push_detail=field(data, "push_detail", as_text, ""),
    )


def left_out_content(one: LeftOut) -> dict[str, Any]:
    """A result that was left out, as members of a document."""
    return {
        "task": one.task,
        "name": one.name,
        "because": one.because.value,
        "together": list(one.together),
        "reason": one.reason,
    }


def left_out_of(value: Any) -> LeftOut:
    """The reverse of `left_out_content`.

    Raises:
        Malformed
    """
    data = members(value)
    return LeftOut(
        task=field(data, "task", as_text),
        name=field(data, "name", as_text),
        because=field(data, "because", member_of(MergeStatus)),
        together=each(data, "together", as_text, ()),
        reason=field(data, "reason", as_text, ""),
    )


def conflict_content(one: ResultConflict) -> dict[str, Any]:
    """A conflict as the documents and events of a run have it."""
    return {
        "first": one.first,
        "second": one.second,
        "paths": list(one.paths),
        "kinds": list(one.kinds),
        "hunks": [{"path": hunk.path, "first": _side(hunk.one), "second": _side(hunk.other)} for hunk in one.hunks],
        "detail": one.detail,
        "together": list(one.together),
    }


def _load_conflict(value: Any) -> ResultConflict:
    data = members(value)
    return ResultConflict(
        first=field(data, "first", as_text),
        second=field(data, "second", as_text),
        paths=each(data, "paths", as_text),
        kinds=each(data, "kinds", as_text),
        hunks=each(data, "hunks", _load_hunk, ()),
        detail=field(data, "detail", as_text, ""),
        together=each(data, "together", as_text, ()),
    )


def _dump_running(one: RunningConflict) -> dict[str, Any]:
    return {
        "task": one.task,
        "other": one.other,
        "since": time_text(one.since),
        "conflict": conflict_content(one.conflict),
    }


def _load_running(value: Any) -> RunningConflict:
    data = members(value)
    return RunningConflict(
        task=field(data, "task", as_text),
        other=maybe(data, "other", as_text),
        since=field(data, "since", as_time),
        conflict=field(data, "conflict", _load_conflict),
    )


def _side(side: HunkSide) -> dict[str, Any]:
    return {"first_line": side.first, "last_line": side.last, "text": list(side.text)}


def _load_hunk(value: Any) -> Hunk:
    data = members(value)
    return Hunk(
        path=field(data, "path", as_text),
        one=field(data, "first", _load_side),
        other=field(data, "second", _load_side),
    )


def _load_side(value: Any) -> HunkSide:
    data = members(value)
    return HunkSide(
        first=maybe(data, "first_line", as_int),
        last=maybe(data, "last_line", as_int),
        text=each(data, "text", as_text),
    )


def dump_task(one: TaskRun) -> dict[str, Any]:
    """The members of one task."""
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
        "tree": one.tree,
        "notices": list(one.notices),
        "leaks": [{"secret": leak.secret, "place": leak.place} for leak in one.leaks],
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
        tree=field(data, "tree", as_text, ""),
        notices=each(data, "notices", as_text, ()),
        leaks=each(data, "leaks", _load_leak, ()),
    )


def _load_leak(value: Any) -> SecretLeak:
    data = members(value)
    return SecretLeak(secret=field(data, "secret", as_text), place=field(data, "place", as_text))


def _time(moment: datetime | None) -> str | None:
    return time_text(moment) if moment is not None else None
