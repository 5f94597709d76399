"""The member `foresight` of a batch plan: what was known of earlier runs when it was made."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gitalign.batches.planning.earlier import EarlierConflict, EarlierTask, FromEarlierRuns, Layout
from gitalign.batches.planning.task_list_format import Id

_STRICT = ConfigDict(extra="forbid", frozen=True)


class EarlierTaskDocument(BaseModel):
    """What the newest batch run with a result of a task showed: one with the same id, title and command."""

    model_config = _STRICT
    task_id: Id
    batch_run: str
    changed_paths: list[str] = []
    """Those that end with `/` are folders, where there are too many files."""
    duration_s: Annotated[float, Field(ge=0)] | None = None


class EarlierConflictDocument(BaseModel):
    """Why two tasks of `predicted_conflicts` are there, though the task list does not show it."""

    model_config = _STRICT
    task_ids: Annotated[list[Id], Field(min_length=2, max_length=2)]
    batch_runs: list[str]
    has_conflicted: bool
    """Their results conflicted; else one or both changed what the other one changes."""


class LayoutBatchDocument(BaseModel):
    """Tasks that are in one batch."""

    model_config = _STRICT
    task_ids: list[Id]
    can_parallel: bool


class LayoutDocument(BaseModel):
    """Which tasks are in which batch."""

    model_config = _STRICT
    batches: list[LayoutBatchDocument]
    execution_mode: str | None = None


class ForesightDocument(BaseModel):
    """What a plan owes to earlier runs. By the two layouts a run of the same tasks is known again, whatever earlier runs show."""

    model_config = _STRICT
    tasks: list[EarlierTaskDocument] = []
    conflicts: list[EarlierConflictDocument] = []
    unread_batch_runs: list[str] = []
    made: LayoutDocument | None = None
    without: LayoutDocument | None = None


def foresight_content(known: FromEarlierRuns) -> dict[str, Any]:
    """The member as JSON values."""
    return {
        "tasks": [
            {
                "task_id": task_id,
                "batch_run": one.run,
                "changed_paths": list(one.changed),
                "duration_s": one.duration_s,
            }
            for task_id, one in known.tasks.items()
        ],
        "conflicts": [
            {"task_ids": list(one.task_ids), "batch_runs": list(one.runs), "has_conflicted": one.has_conflicted}
            for one in known.conflicts
        ],
        "unread_batch_runs": list(known.unread),
        **{
            name: {
                "batches": [{"task_ids": list(ids), "can_parallel": can} for ids, can in layout.batches],
                "execution_mode": layout.mode,
            }
            for name, layout in (("made", known.made), ("without", known.without))
            if layout is not None and known.without is not None
        },
    }


def from_earlier_runs_of(document: ForesightDocument) -> FromEarlierRuns:
    """The value that a member is."""
    return FromEarlierRuns(
        tasks={
            one.task_id: EarlierTask(run=one.batch_run, changed=tuple(one.changed_paths), duration_s=one.duration_s)
            for one in document.tasks
        },
        conflicts=tuple(
            EarlierConflict(
                task_ids=(one.task_ids[0], one.task_ids[1]),
                runs=tuple(one.batch_runs),
                has_conflicted=one.has_conflicted,
            )
            for one in document.conflicts
        ),
        unread=tuple(document.unread_batch_runs),
        made=_layout(document.made),
        without=_layout(document.without),
    )


def _layout(document: LayoutDocument | None) -> Layout | None:
    if document is None:
        return None
    return Layout(
        batches=tuple((tuple(one.task_ids), one.can_parallel) for one in document.batches),
        mode=document.execution_mode,
    )
