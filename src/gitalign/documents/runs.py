"""Runs, as `git align runs` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.documents.reading import as_int, as_text, as_time, field, maybe, member_of, members, time_text

if TYPE_CHECKING:
    from gitalign.documents.models.runs import RunDocument


def dump_run(value: RunRecord) -> RunDocument:
    """One row of `git align runs`."""
    return {
        "id": value.id,
        "kind": value.kind,
        "state": value.state,
        "started_at": time_text(value.started_at),
        "finished_at": None if value.finished_at is None else time_text(value.finished_at),
        "outcome": value.outcome,
        "moved": value.moved,
        "plan_id": value.plan_id,
        "total": value.total,
        "undoes": value.undoes,
        "undone_by": value.undone_by,
        "owner": value.owner,
        "undone": value.undone,
        "pushed": value.pushed,
    }


def load_run(value: Any) -> RunRecord:
    """A row, from its document.

    Raises:
        Malformed
    """
    data = members(value)
    return RunRecord(
        id=field(data, "id", as_text),
        kind=field(data, "kind", member_of(RunKind)),
        state=field(data, "state", member_of(RunState)),
        started_at=field(data, "started_at", as_time),
        finished_at=maybe(data, "finished_at", as_time),
        outcome=field(data, "outcome", as_text),
        moved=field(data, "moved", as_int),
        plan_id=field(data, "plan_id", as_text),
        total=field(data, "total", as_int),
        undoes=maybe(data, "undoes", as_text),
        undone_by=maybe(data, "undone_by", as_text),
        owner=field(data, "owner", as_text),
        undone=field(data, "undone", as_int),
        pushed=field(data, "pushed", as_int),
    )
