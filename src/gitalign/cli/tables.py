"""What every table in the terminal shares: harmless names, plain columns, how many rows there were."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gitalign.core.names import display
from gitalign.core.plan import StepKind

MOST_ROWS = 60
"""Rows shown unless everything is asked for."""
STEP_WORDS = {
    StepKind.REPLAY: "rebase",
    StepKind.RECREATE: "rebase with merges",
    StepKind.MERGE: "merge",
    StepKind.INTEGRATE: "integration branch",
    StepKind.FAST_FORWARD: "fast-forward",
    StepKind.UP_TO_DATE: "up to date",
    StepKind.LEAVE: "leave",
}


def safe(name: str) -> str:
    """A name for rich: harmless to the terminal, and no markup."""
    return escape(display(name))


def many(count: int, one: str, several: str) -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else several}"


def plain_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines; long cells are folded.

    Args:
        columns: their heads.
        right: those set flush right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def tell_rest(out: Console, shown: int, total: int, where: str = "-v shows all") -> None:
    """How many rows were left out, and where they are told."""
    if shown < total:
        out.print(f"[dim]and {total - shown} more; {where}[/]")
