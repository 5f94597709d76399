"""The landings of a batch run, and what an undo of it made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import safe
from gitalign.core.names import display, shell_word

if TYPE_CHECKING:
    from gitalign.facade import BatchLandings


def show_landings(out: Console, found: BatchLandings, *, typed: Typed = NOTHING_TYPED) -> None:
    """The landings of a batch run, and which of them are put back."""
    if not found.landings:
        out.print(f"no batch of batch run {found.batch_run} has landed")
    for one in found.landings:
        verb = "would be undone" if found.dry_run else "stands"
        state = f"undone by {one.undone_by}" if one.undone_by else one.reason or verb
        if one.undone_by and one.on_remote:
            why = f" ({one.reason})" if one.reason else ""
            state += f"; its remote still has it{why}: {typed.of_group('batch', 'undo', found.batch_run, '--push')}"
        out.print(safe(f"{one.landing_run}  {display(found.target)} {one.before[:12]}..{one.after[:12]}: {state}"))
    if found.landings and not (found.dry_run or found.undone_now or found.standing):
        out.print(f"batch run {found.batch_run} is undone already: nothing was done")
    stuck = next((one for one in found.standing if one.reason), None)
    if stuck is not None and not found.dry_run:
        target = shell_word(found.target)
        out.print(
            f"[bold]next:[/] {safe(f'git log --oneline {stuck.after[:12]}..{target}')}   shows what came since",
            soft_wrap=True,
        )
