"""What `prune --merged` shows: which branches go, which could go as well, and which stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.core.merged import MergedBranch

if TYPE_CHECKING:
    from rich.console import Console


def show_merged(
    out: Console,
    branches: Sequence[MergedBranch],
    *,
    squashed: bool,
    nothing: str = "no branch is merged",
    everything: bool = False,
) -> None:
    """Merged branches, in the order of what becomes of them.

    Args:
        out: where to.
        branches: those that are merged.
        squashed: whether squashed branches are deleted as well.
        nothing: what is said where no branch is merged.
        everything: every branch, however many there are.
    """
    chosen = [one for one in branches if one.may_go(squashed=squashed)]
    also = [one for one in branches if one.may_go(squashed=True) and one not in chosen]
    kept = [one for one in branches if one.kept]
    if not branches:
        out.print(nothing)
        return
    _list(out, f"{many(len(chosen), 'branch', 'branches')} to delete", chosen, everything)
    if also:
        words = f"{len(also)} more with the same changes in their target, but other commits"
        _list(out, f"{words} (add --squashed)", also, everything)
    _list(out, f"{len(kept)} merged, and kept", kept, everything)


def _list(out: Console, title: str, branches: Sequence[MergedBranch], everything: bool) -> None:
    if not branches:
        return
    out.print(f"\n[bold]{title}[/]")
    shown = branches if everything else branches[:MOST_ROWS]
    table = plain_table("branch", "at", "why")
    for one in shown:
        why = f"{one.words}; {one.kept}" if one.kept else one.words
        table.add_row(safe(one.branch), one.tip[:10], safe(why))
    out.print(table)
    tell_rest(out, len(shown), len(branches))
