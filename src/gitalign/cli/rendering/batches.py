"""Batch runs, for people."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.batch_advice import landed_words, next_step
from gitalign.cli.rendering.runs import show_old_batch_runs
from gitalign.cli.rendering.tables import many, plain_table, safe
from gitalign.core.names import display

if TYPE_CHECKING:
    from gitalign.batches.running.state import BatchRun, Landed, ResultConflict
    from gitalign.core.events import Event
    from gitalign.facade import BatchTrees, BatchView, PrunedBatchRuns

_COLOURS = {"completed": "green", "failed": "red", "running": "cyan"}
_COLOURS |= dict.fromkeys(("cancelled", "interrupted", "stopped", "paused", "waiting", "undone"), "yellow")
_MOST_HUNKS = 3
_MOST_CONFLICTS = 10
_MOST_PATHS = 5


def show_batch_run(out: Console, view: BatchView, *, everything: bool = False, typed: Typed = NOTHING_TYPED) -> None:
    """How a batch run stands, batch by batch, and what to type next."""
    run = view.run
    out.print(
        f"batch run [bold]{run.id}[/] onto {safe(display(run.target))}: {_coloured(view.status)}, "
        f"{landed_words(run)}{_in_part(view)}"
    )
    out.print(f"mode: {run.mode.value} ({safe(run.mode_reason)})", style="dim")
    table = plain_table("batch", "task", "status", "attempts", "time", "", right=("batch", "attempts", "time"))
    for number, batch in enumerate(run.plan.batches):
        for task_id in batch.task_ids:
            one = run.tasks[task_id]
            took = ""
            if one.started_at is not None and one.finished_at is not None:
                took = f"{(one.finished_at - one.started_at).total_seconds():.1f} s"
            words = [one.reason] if one.reason else []
            words += one.notices
            words += [f"uncommitted work: gitalign/wip/{run.id}/{task_id}"] if one.wip is not None else []
            remark = safe("; ".join(words))
            table.add_row(
                str(number), safe(display(task_id)), _coloured(one.status.value), str(one.attempts), took, remark
            )
    out.print(table)
    _show_running_conflicts(out, run, everything=everything)
    for number, progress in enumerate(run.batches):
        if progress.changed_meanwhile:
            changed = _some(progress.changed_meanwhile, everything=everything)
            out.print(safe(f"batch {number}: changed in the repository while tasks ran, not by git-align: {changed}"))
        outcome = progress.outcome
        if outcome is None:
            continue
        out.print(safe(_outcome_words(view, number, outcome)))
        for conflict in outcome.conflicts[: None if everything else _MOST_CONFLICTS]:
            _show_hunks(out, conflict, everything=everything)
        hidden = 0 if everything else len(outcome.conflicts) - _MOST_CONFLICTS
        if hidden > 0:
            all_of_them = typed.of_group("batch", "status", "--verbose", run.id)
            out.print(f"  and {many(hidden, 'conflict', 'conflicts')} more: {safe(all_of_them)}")
        if outcome.conflicts and outcome.would_land:
            out.print(safe(f"  without them would land: {', '.join(map(display, outcome.would_land))}"))
        for line in _landing_lines(outcome):
            out.print(safe(line))
        if outcome.output:
            out.print(safe(outcome.output))
    _show_end(out, view, everything=everything, typed=typed)


def _in_part(view: BatchView) -> str:
    """Batches of which a part landed, and landings that were undone since, for the first line."""
    parts = sum(_landed_in_part(one.outcome) for one in view.run.batches)
    undone = f"; undone since: {many(len(view.undone), 'landing', 'landings')}" if view.undone else ""
    return (f", {parts} in part" if parts else "") + undone


def _landed_in_part(outcome: Landed | None) -> bool:
    return outcome is not None and outcome.landed is not None and bool(outcome.left_out)


def _outcome_words(view: BatchView, number: int, outcome: Landed) -> str:
    tests = f", tests: {outcome.tests}" if outcome.tests else ""
    undone = f", undone by run {view.undone[number]}" if number in view.undone else ""
    why = f": {outcome.reason}" if outcome.reason else ""
    status = outcome.merge_status.value
    if outcome.merge_status.value == "skipped":
        status = "nothing to land" if view.run.batches[number].status.value == "completed" else "not merged"
    if _landed_in_part(outcome):
        status = f"a part landed ({status})"
    return f"batch {number}: {status}{tests}{undone}{why}"


def _show_end(out: Console, view: BatchView, *, everything: bool, typed: Typed) -> None:
    if (disk := view.disk) is not None:
        trees = many(disk.work_trees, "work tree uses", "work trees use")
        out.print(
            f"disk: {trees} {_mib(disk.bytes_used)}, {_mib(disk.bytes_free)} are free; "
            f"a task is ended that uses more than {_mib(disk.most_bytes_of_a_task)}: {safe(display(disk.folder))}"
        )
    if view.is_alive or everything:
        show_batch_events(out, view.events)
    if (step := next_step(view, typed)) is not None:
        out.print(f"[bold]next:[/] {safe(step)}")


def _mib(size: int) -> str:
    return f"{size // 1024**2} MiB"


def _show_running_conflicts(out: Console, run: BatchRun, *, everything: bool) -> None:
    for foreseen in run.running_conflicts:
        clash = foreseen.conflict
        where = _some(clash.paths, everything=everything) or display(clash.detail)
        out.print(safe(f"as they work, {display(clash.second)} conflicts with {display(clash.first)}: {where}"))
        _show_hunks(out, clash, everything=everything)


def _some(names: Sequence[str], *, everything: bool) -> str:
    """Names, but for those beyond the first few."""
    more = "" if everything or len(names) <= _MOST_PATHS else f" and {len(names) - _MOST_PATHS} more"
    return ", ".join(map(display, names[: None if everything else _MOST_PATHS])) + more


def _show_hunks(out: Console, conflict: ResultConflict, *, everything: bool) -> None:
    for hunk in conflict.hunks[: None if everything else _MOST_HUNKS]:
        out.print(safe(f"  {display(hunk.path)}, line {hunk.one.first}"))
        out.print(safe(f"    {display(conflict.first)}: {' / '.join(map(display, hunk.one.text))}"))
        out.print(safe(f"    {display(conflict.second)}: {' / '.join(map(display, hunk.other.text))}"))


def _landing_lines(outcome: Landed) -> list[str]:
    """What was left out of a landing, where it was pushed, and which checks are flaky."""
    lines = [f"  left out {display(one.task)}: {display(one.reason)}" for one in outcome.left_out]
    if outcome.flaky:
        lines.append(f"  flaky (failed, then passed on the same files): {', '.join(map(display, outcome.flaky))}")
    if outcome.pushed_to:
        lines.append(f"  pushed to {outcome.pushed_to}")
    elif outcome.push_detail and outcome.push_detail != outcome.reason:
        lines.append(f"  not pushed: {outcome.push_detail}")
    return lines


def show_batch_runs(out: Console, views: Sequence[BatchView], *, typed: Typed = NOTHING_TYPED) -> None:
    """Every batch run, newest first."""
    if not views:
        out.print(f"no batch was run here yet. [bold]next:[/] {safe(typed.of_group('batch', 'plan', 'TASKS'))}")
        return
    table = plain_table("batch run", "target", "status", "batches", "tasks", right=("batches", "tasks"))
    for view in views:
        run = view.run
        done = f"{run.completed_batches}/{len(run.batches)}"
        status = _coloured(view.status) + (", undone in part" if view.undone and view.standing else "")
        table.add_row(run.id, safe(display(run.target)), status, done, _tasks_done(run))
    out.print(table)


def show_batch_trees(out: Console, found: BatchTrees) -> None:
    """Which work trees were removed, or would be, and why others stay."""
    gone = sum(not tree.kept_because for tree in found.trees)
    verb = "would remove" if found.dry_run else "removed"
    size = found.bytes_before if found.dry_run else found.bytes_before - found.bytes_after
    words = "of disk are used" if found.dry_run else "of disk freed"
    out.print(f"{verb} {many(gone, 'work tree', 'work trees')}; {max(0, size) // 1024**2} MiB {words}")
    for tree in found.trees:
        if tree.kept_because:
            out.print(safe(f"  kept {display(tree.folder)}: {display(tree.kept_because)}"))


def show_pruned_batch_runs(out: Console, pruned: PrunedBatchRuns) -> None:
    """Which old batch runs were removed, or would be, and why others stay."""
    gone = [one.batch_run for one in pruned.runs if not one.kept_because]
    kept = [(one.batch_run, one.kept_because) for one in pruned.runs if one.kept_because]
    show_old_batch_runs(out, gone, kept, days=pruned.older_than_days, dry_run=pruned.dry_run)


def trees_document(found: BatchTrees, pruned: PrunedBatchRuns) -> dict[str, Any]:
    """The members of the document of `batch prune --json`."""
    return {
        "trees": [
            {"folder": one.folder, "batch": one.batch_id, "task": one.task_id, "kept_because": one.kept_because}
            for one in found.trees
        ],
        "bytes_before": found.bytes_before,
        "bytes_after": found.bytes_after,
        "batch_runs": [
            {
                "batch_run": one.batch_run,
                "refs": list(one.refs),
                "unlanded": list(one.unlanded),
                "kept_because": one.kept_because,
            }
            for one in pruned.runs
        ],
        "dry_run": found.dry_run,
    }


def _tasks_done(run: BatchRun) -> str:
    return f"{sum(one.status.value == 'completed' for one in run.tasks.values())}/{len(run.tasks)}"


def _coloured(status: str) -> str:
    colour = _COLOURS.get(status)
    return f"[{colour}]{status}[/]" if colour else status


class EventLines:
    """Events of a batch run as lines on standard error. Called from several threads."""

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take an event."""
        if kind == "task_started":
            self._running.add(str(data["task_id"]))
        elif kind == "task_completed":
            self._running.discard(str(data["task_id"]))
        words = self.words(kind, data) if self._shown else ""
        if words:
            with self._lock:
                sys.stderr.write(words + "\n")
                sys.stderr.flush()

    def say_stopping(self) -> None:
        """Say what a run that was asked to stop waits for. Called from a signal handler: no lock, no buffer."""
        words = f"stopping: waiting for {many(len(self._running), 'running task', 'running tasks')}"
        with suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"{words}; Ctrl-C again ends them\n".encode())

    def words(self, kind: str, data: Mapping[str, Any]) -> str:
        """An event as a line; empty for one that is not shown."""
        task = display(str(data.get("task_id", "")))
        if kind == "batch_started":
            return f"batch {data['batch_index']}: {many(data['task_count'], 'task', 'tasks')}"
        if kind == "batch_completed":
            return f"batch {data['batch_id']}: {data['merge_status']} after {data['duration']:.1f} s"
        if kind == "task_started":
            return f"  {task} started"
        if kind == "task_completed":
            return f"  {task} " + ("completed" if data["success"] else f"failed: {display(str(data['error']))}")
        if kind in ("conflict_foreseen", "conflict_withdrawn"):
            conflict = data["conflict"]
            where = _some(conflict["paths"], everything=False) or display(conflict["detail"])
            verb = "conflicts" if kind == "conflict_foreseen" else "no longer conflicts"
            return f"  {display(conflict['second'])} {verb} with {display(conflict['first'])}: {where}"
        if kind == "merge_started":
            return f"batch {data['batch_id']}: merging {many(len(data['branches']), 'result', 'results')}"
        if kind == "fell_back":
            return display(str(data["reason"]))
        return ""


def show_batch_events(out: Console, events: Sequence[Event]) -> None:
    """What happened, a line for each event."""
    lines = EventLines()
    for event in events:
        words = lines.words(event.kind.value, event.data).strip() or event.kind.value.replace("_", " ")
        task = event.data.get("task_id")
        where = f" {display(str(task))}" if task is not None and str(task) not in words else ""
        out.print(safe(f"{event.at:%H:%M:%S} {words}{where}"), soft_wrap=True)
