"""What every list in the terminal shares: harmless names, plain columns, how many rows there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.names import display
from gitalign.core.plan import StepKind

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.cli.rendering.plain_table import PlainTable

MOST_ROWS = 60
"""Rows shown unless everything is asked for."""
STEP_WORDS = {
    StepKind.REPLAY: "rebase",
    StepKind.RECREATE: "rebase with merges",
    StepKind.MERGE: "merge",
    StepKind.INTEGRATE: "integration branch",
    StepKind.FAST_FORWARD: "fast-forward",
    StepKind.UP_TO_DATE: "up to date",
    StepKind.LEAVE: "merged",
}

_TO_DO = frozenset({StepKind.REPLAY, StepKind.RECREATE, StepKind.MERGE, StepKind.FAST_FORWARD})


def counted(kind: StepKind, count: int) -> str:
    """How many branches a plan treats in one way: `60 to rebase`, `3 up to date`, `2 integration branches`."""
    if kind is StepKind.INTEGRATE:
        return many(count, "integration branch", "integration branches")
    return f"{count} {'to ' if kind in _TO_DO else ''}{STEP_WORDS[kind]}"


def safe(name: str) -> str:
    """A name for rich: harmless to the terminal, and no markup."""
    from rich.markup import escape

    return escape(display(name))


def many(count: int, one: str, several: str) -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else several}"


def plain_table(*columns: str, right: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> PlainTable:
    """A table without lines; see `PlainTable` for the arguments."""
    from gitalign.cli.rendering.plain_table import PlainTable

    return PlainTable(columns, frozenset(right), frozenset(cut))


def tell_rest(out: Console, shown: int, total: int, where: str = "-v shows all") -> None:
    """How many rows were left out, and what shows them."""
    if shown < total:
        out.print(f"[dim]and {total - shown} more; {where}[/]")
