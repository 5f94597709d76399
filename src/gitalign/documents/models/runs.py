"""Models: runs, as `git align runs` lists them."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.run import RunKind, RunState
from gitalign.documents.models.timestamps import Time


class RunDocument(TypedDict):
    """One row of `git align runs`."""

    id: str
    kind: RunKind
    state: RunState
    started_at: Time
    finished_at: Time | None
    outcome: str
    moved: int
    plan_id: str
    total: int
    undoes: str | None
    undone_by: str | None
    owner: str
    undone: int
    pushed: int
