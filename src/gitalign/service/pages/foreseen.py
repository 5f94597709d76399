"""What a batch plan expects, for its page: conflicts between tasks, and which earlier runs show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ExpectedConflict:
    """Tasks that are expected to conflict, where, and why in words."""

    tasks: tuple[str, ...]
    paths: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan expects.

    Attributes:
        conflicts: in the order of the plan.
        runs: batch runs in which its tasks are known, newest first.
        unread: batch runs that could not be read.
        seconds: that all batches take; None where that is not known.
    """

    conflicts: tuple[ExpectedConflict, ...]
    runs: tuple[str, ...]
    unread: tuple[str, ...]
    seconds: int | None


def expected_of(plan: Mapping[str, Any]) -> Expected:
    """What the document `batch-plan` expects."""
    foresight: Mapping[str, Any] = plan.get("foresight") or {}
    shown = {frozenset(map(str, one["task_ids"])): one for one in foresight.get("conflicts", ())}
    conflicts = []
    for one in plan.get("predicted_conflicts") or ():
        tasks = tuple(map(str, one["task_ids"]))
        why, known = f"as the task list says ({one['conflict_type']})", shown.get(frozenset(tasks))
        if known is not None:
            what = "their results conflicted" if known["has_conflicted"] else "seen"
            why = f"{what} in batch run {' and '.join(known['batch_runs'])}"
        conflicts.append(ExpectedConflict(tasks, tuple(one["predicted_files"]), why))
    durations = [batch.get("estimated_duration") for batch in plan["batches"]]
    return Expected(
        conflicts=tuple(conflicts),
        runs=tuple(sorted({str(one["batch_run"]) for one in foresight.get("tasks", ())}, reverse=True)),
        unread=tuple(foresight.get("unread_batch_runs", ())),
        seconds=sum(durations) if durations and None not in durations else None,
    )
