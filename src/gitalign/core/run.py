"""A run as the journal knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunKind(StrEnum):
    """What a run does to refs."""

    ALIGN = "align"
    UNDO = "undo"
    PUSH = "push"
    """Moves nothing here; publishes on remotes what earlier runs moved."""
    PRUNE = "prune"
    """Deletes merged branches."""
    BATCH = "batch"
    """Lands the results of tasks on a target: the one kind that moves a target, and only forward."""
    MOVE = "move"
    """Moves branches to commits that are there: the framework's, or that of a backup branch."""


class RunState(StrEnum):
    """How far a run got. The order is the order of a life; `published` and later need no recovery."""

    INTEGRATING = "integrating"
    """Nothing has moved; a crash here loses only work that can be repeated."""
    PUBLISHING = "publishing"
    """Intentions are durable; a crash here is finished or rolled back ref by ref."""
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    """Stopped by the operator; `resume` goes on."""
    FAILED = "failed"
    """Ended by an error before anything moved."""


UNFINISHED = (RunState.INTEGRATING, RunState.PUBLISHING)
"""Under way while its process holds its lock, to be recovered when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of `git align runs`.

    Attributes:
        outcome: `running`, `ok` (all aligned or unchanged), `attention`, `interrupted`, `failed`.
        moved: refs this run moved and that were not rolled back.
        pushed: branches that this run changed on a remote alone.
        undoes: the run this one undid, for an undo.
        undone_by: the run that put this one's moves back, if any are put back.
        undone: how many of the moved refs are put back.
    """

    id: str
    kind: RunKind
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    moved: int
    plan_id: str
    total: int = 0
    undoes: str | None = None
    undone_by: str | None = None
    owner: str = ""
    undone: int = 0
    pushed: int = 0

    @property
    def already_undone(self) -> str:
        """What an undo says of a run of which nothing is left to put back."""
        return f"run {self.id} is undone already, by {self.undone_by}: nothing was done"
