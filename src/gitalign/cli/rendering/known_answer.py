"""What a run came to that needed not be made: in plain lines, because drawing would take longer than all the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitalign.core.names import display

if TYPE_CHECKING:
    from gitalign.core.known_answer import KnownAnswer


def show_known(answer: KnownAnswer) -> None:
    """How many branches of each target are in which state, and where to read about them."""
    by_target: dict[str, list[str]] = {}
    for target, verdict, many in answer.counts:
        by_target.setdefault(target, []).append(f"{many} {verdict.replace('_', ' ')}")
    for target, counts in by_target.items():
        click.echo(f"{display(target)}: {', '.join(counts)}")
    click.echo(f"\nNothing has changed since run {answer.run_id}, so nothing was done.")
    if answer.exit_code:
        click.echo(f"next: git align show {answer.run_id}   lists the branches")
