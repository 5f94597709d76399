"""Where a repository stands, and what the doctor saw, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import many, safe
from gitalign.cli.working_set import elsewhere

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.diagnosis import Diagnosis
    from gitalign.core.status import Status


def show_status(out: Console, status: Status, *, typed: Typed = NOTHING_TYPED) -> None:
    """Where a repository stands and what to type next."""
    out.print(f"[bold]{safe(status.repository)}[/]")
    why = {note.name: note.why for note in status.target_notes}
    for target in status.targets:
        reason = f": {safe(why[target.name])}" if why.get(target.name) else ""
        out.print(f"  target {safe(target.name)} ({target.oid[:10]}){reason}")
    for note in status.target_notes:
        if note.words:
            out.print(f"  [yellow]{safe(note.words)}[/]" if note.is_diverged else f"  {safe(note.words)}")
    if status.fault:
        out.print(f"  [red]{safe(status.fault)}[/]")
    out.print(f"  {status.to_align} branches to align, {status.up_to_date} up to date, {status.excluded} left out")
    if status.merged:
        out.print(
            f"  {many(status.merged, 'branch is', 'branches are')} merged: {typed.command('prune', '--merged')}",
            markup=False,
        )
    for remote, count in status.only_on_remotes:
        out.print(f"  {elsewhere(remote, count)}", markup=False)
    if status.last is not None:
        pushed = f", {status.last.pushed} on a remote" if status.last.pushed else ""
        out.print(f"  last run: {status.last.id}, {status.last.outcome}, {status.last.moved} moved{pushed}")
    for run in status.unfinished:
        out.print(f"  [yellow]unfinished: {run.id} ({run.state.value})[/]")
    if status.next_command:
        out.print(f"[bold]next:[/] {safe(status.next_command)}")


def show_doctor(out: Console, found: Sequence[Diagnosis]) -> None:
    """What the doctor saw."""
    signs = {True: "[green]ok  [/]", False: "[red]bad [/]", None: "[yellow]note[/]"}
    for one in found:
        out.print(
            f"{signs[one.ok]} {one.check}: {safe(one.detail)}"
            + (f"\n     [bold]next:[/] {safe(one.hint)}" if one.hint else "")
        )
