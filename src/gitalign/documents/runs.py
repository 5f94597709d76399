"""Runs, as `git align runs` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.run import RunRecord
from gitalign.documents.reading import time_text

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
