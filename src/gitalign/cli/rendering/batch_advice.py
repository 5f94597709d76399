"""What to type after a batch run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import many, safe

if TYPE_CHECKING:
    from gitalign.batches.running.state import BatchRun
    from gitalign.facade import BatchView


def next_step(view: BatchView, typed: Typed = NOTHING_TYPED) -> str | None:
    """The command that helps now, with what it does; None when there is nothing to do."""
    run = view.run
    if view.is_alive:
        return typed.of_group("batch", "resume", run.id) if view.status == "paused" else None
    if view.undone and run.status.is_final:
        return typed.of_group("batch", "land", run.id) + "   lands the results again; no task runs"
    if view.status == "completed":
        pushed = ("--push",) if any(one.outcome is not None and one.outcome.pushed_to for one in run.batches) else ()
        return typed.of_group("batch", "undo", run.id, *pushed) + "   takes all of it back" if view.standing else None
    if view.status == "failed":
        return _after_failure(run, typed)
    waits = any(one.outcome is not None and one.outcome.merge_status.value == "waiting" for one in run.batches)
    if waits:
        return typed.of_group("batch", "land", run.id)
    return typed.of_group("batch", "resume", run.id)


def _after_failure(run: BatchRun, typed: Typed) -> str:
    outcomes = [one.outcome for one in run.batches if one.status.value == "failed" and one.outcome is not None]
    if any(one.would_land for one in outcomes):
        return (
            typed.of_group("batch", "land", run.id, "--best-subset") + "   lands the largest set that merges and passes"
        )
    if any(one.status.value in ("failed", "skipped") for one in run.tasks.values()):
        return typed.of_group("batch", "retry", run.id) + "   runs again what failed"
    # Every task has completed, and what they made was refused.
    if any(one.merge_status.value == "test_failed" for one in outcomes):
        return (
            typed.of_group("batch", "land", run.id, "--best-subset") + "   lands the largest set that merges and passes"
        )
    return typed.of_group("batch", "land", run.id) + "   lands the results when that has been put right; no task runs"


def landed_words(run: BatchRun) -> str:
    """How many batches landed, and how many had nothing that could land."""
    completed = [one for one in run.batches if one.status.value == "completed"]
    empty = sum(one.outcome is not None and one.outcome.merge_status.value == "skipped" for one in completed)
    nothing = f", {empty} had nothing to land" if empty else ""
    return f"{len(completed) - empty} of {many(len(run.batches), 'batch', 'batches')} landed{nothing}"


def show_failure(out: Console, view: BatchView, *, typed: Typed = NOTHING_TYPED) -> None:
    """One line of what kept a batch run from landing, and what to type next: all that is said with `--quiet`."""
    run = view.run
    reasons = [f"batch {number}: {one.reason}" for number, one in enumerate(run.batches) if one.reason]
    why = f": {'; '.join(reasons)}" if reasons else ""
    out.print(safe(f"batch run {run.id} {view.status}, {landed_words(run)}{why}"), soft_wrap=True)
    if (step := next_step(view, typed)) is not None:
        out.print(f"[bold]next:[/] {safe(step)}", soft_wrap=True)
