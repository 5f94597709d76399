"""A conflict that a person resolves, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import safe
from gitalign.core.manual_resolution import Look, Stand

if TYPE_CHECKING:
    from rich.console import Console


def state_in_words(look: Look) -> str:
    """Where a session stands, in a few words."""
    match look.stand:
        case Stand.STOPPED:
            return f"stopped at {look.position} of {look.total}, {len(look.paths)} in conflict"
        case Stand.READY:
            return f"resolved at {look.position} of {look.total}, waits to be continued"
        case Stand.DONE:
            return "resolved; waits to be checked and moved"
        case Stand.LEFT:
            return "ended without a result"
        case Stand.GONE:
            return "its work tree was deleted"


def show_sessions(out: Console, looks: Sequence[Look], *, typed: Typed = NOTHING_TYPED) -> None:
    """Branches that are being resolved, a line for each."""
    if not looks:
        out.print(f"nothing is being resolved; {safe(typed.command('resolve', 'BRANCH'))} begins", soft_wrap=True)
    for look in looks:
        out.print(f"{safe(look.session.branch)}: {state_in_words(look)}  {safe(look.session.folder)}")


def show_session(out: Console, look: Look, commands: Sequence[tuple[str, str]] | None = None) -> None:
    """Where a session stands, what the sides are, what to type next.

    Args:
        out: where to.
        look: the session.
        commands: what to type next, and what for; those for its work tree when None.
    """
    session = look.session
    out.print(
        f"[bold]{safe(session.branch)}[/] onto {safe(session.target)} at {session.onto[:12]}: {state_in_words(look)}"
    )
    out.print(f"  work tree  {safe(session.folder)}")
    if look.stopped_at is not None:
        out.print(f"  commit     {look.stopped_at[:12]} {safe(look.subject)}")
    if look.stand is Stand.STOPPED:
        for number, words in look.sides():
            out.print(f"  stage {number}    {safe(words)}")
        for path in look.paths:
            stages = ", ".join(f"{entry.stage}: {entry.oid[:10]}" for entry in look.entries if entry.path == path)
            out.print(f"  conflict   {safe(path)}  ({stages})")
    if look.marked:
        out.print(f"  [red]markers left in {safe(', '.join(look.marked))}[/]")
    if look.has_moved:
        where = look.now[:12] if look.now is not None else "gone"
        out.print(
            f"  [yellow]the branch itself has moved meanwhile: it is {where}; what is made here cannot replace it[/]"
        )
    for one in look.differing:
        out.print(f"  [yellow]resolved by git alone, where a run would stop:[/] {safe(one)}")
    if look.differing:
        out.print("  a merge driver or a setting of git decided there; look at these commits before you go on")
    for command, why in look.commands() if commands is None else commands:
        out.print(f"    {safe(command)}   [dim]{safe(why)}[/]")
