"""Batch plans, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli.rendering.tables import many, safe
from gitalign.core.names import display, shell_word

if TYPE_CHECKING:
    from gitalign.batches.planning.earlier import EarlierConflict
    from gitalign.batches.planning.plan import BatchPlan
    from gitalign.batches.planning.tasks import Task

_MOST_RUNS = 3


def show_batch_plan(out: Console, plan: BatchPlan, *, commands: bool) -> None:
    """What runs when, why in this mode, and what is foreseen.

    Args:
        commands: show what each task executes.
    """
    tasks = plan.task_list.by_id() if plan.task_list is not None else {}
    for batch in plan.batches:
        after = f", after {', '.join(map(str, batch.depends_on))}" if batch.depends_on else ""
        side = ", side by side" if batch.can_parallel else ""
        out.print(f"[bold]batch {batch.batch_id}[/]: {many(len(batch.task_ids), 'task', 'tasks')}{side}{after}")
        for task_id in batch.task_ids:
            task = tasks.get(task_id)
            title = f"  {display(task.title)}" if task is not None and task.title else ""
            out.print(f"  {safe(display(task_id))}[dim]{safe(title)}[/]")
            if commands and task is not None:
                for line in _commands(task):
                    out.print(f"      {safe(line)}", soft_wrap=True)
    if plan.mode is not None:
        out.print(f"mode: {plan.mode.execution_mode.value} ({safe(plan.mode.reason)})")
    if len(plan.critical_path) > 1:
        out.print(safe(f"critical path: {' -> '.join(map(display, plan.critical_path))}"))
    shown_by = (
        {frozenset(one.task_ids): one for one in plan.from_earlier_runs.conflicts}
        if plan.from_earlier_runs is not None
        else {}
    )
    for conflict in plan.predicted_conflicts:
        files = ", ".join(map(display, conflict.predicted_files[:3]))
        names = " and ".join(map(display, conflict.task_ids))
        why = _earlier_words(shown_by.get(frozenset(conflict.task_ids)))
        kind = conflict.conflict_type.value
        out.print(safe(f"foreseen: {names} may conflict in {files or 'some file'} ({kind}){why}"))
    _show_history(out, plan)
    for issue in plan.issues:
        out.print(f"[yellow]{issue.code.value}[/]: {safe(issue.message)}")


def _earlier_words(shown: EarlierConflict | None) -> str:
    """Which earlier runs let a conflict be expected; empty where the task list says it."""
    if shown is None:
        return ""
    runs = " and ".join(shown.runs)
    return f": their results conflicted in batch run {runs}" if shown.has_conflicted else f": seen in batch run {runs}"


def _show_history(out: Console, plan: BatchPlan) -> None:
    """Of which tasks earlier runs are known, and what the batches take by them."""
    from_earlier_runs = plan.from_earlier_runs
    if from_earlier_runs is None:
        return
    runs = sorted({one.run for one in from_earlier_runs.tasks.values()}, reverse=True)
    if runs:
        named = ", ".join(runs[:_MOST_RUNS]) + (", …" if len(runs) > _MOST_RUNS else "")
        known = f"{len(from_earlier_runs.tasks)} of {many(plan.total_tasks, 'task', 'tasks')}"
        out.print(safe(f"history: {known} known from batch run {named}"))
    if from_earlier_runs.without is not None:
        out.print("history: changes which tasks run together; --no-history plans without it")
    if all(batch.estimated_duration is not None for batch in plan.batches) and plan.batches:
        took = sum(batch.estimated_duration or 0 for batch in plan.batches)
        out.print(f"expected time: {took} s, by how long the tasks took before")
    for run_id in from_earlier_runs.unread:
        out.print(f"[yellow]not read[/]: batch run {safe(run_id)}; what it showed is not known")


def _commands(task: Task) -> Sequence[str]:
    if task.branch is not None:
        return [f"merges the branch {display(task.branch)}"]
    lines = []
    for what, argv in (
        ("set-up", task.setup.argv if task.setup is not None else None),
        ("runs", task.argv),
        ("verifies", task.verify),
    ):
        if argv is not None:
            lines.append(f"{what}: {' '.join(map(shell_word, argv))}")
    if task.environment:
        lines.append(f"sees: {', '.join(task.environment)}")
    for secret in task.secrets:
        command = " ".join(map(shell_word, secret.command or ()))
        source = secret.file or (f"${secret.environment}" if secret.environment else f"what this prints: {command}")
        lines.append(f"secret {secret.name}, in a {secret.expose.value}: from {source}")
    return lines
