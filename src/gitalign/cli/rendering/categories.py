"""Where branches belong, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.core.categories import Categorized

if TYPE_CHECKING:
    from rich.console import Console


def show_categories(
    out: Console, found: Categorized, *, everything: bool = False, typed: Typed = NOTHING_TYPED
) -> None:
    """Where each branch belongs, the uncertain ones first, and what is to be known of them."""
    for target in [*(target.name for target in found.targets), None]:
        here = [one for one in found.categories if one.target == target]
        if not here:
            continue
        unsure = sum(one.needs_decision for one in here)
        title = f"[bold]{safe(target)}[/]" if target is not None else "[bold]without a target[/]"
        out.print(
            f"\n{title}: {many(len(here), 'branch', 'branches')}"
            + (f", [yellow]{unsure} need a decision[/]" if unsure else "")
        )
        here.sort(key=lambda one: (not one.needs_decision, one.branch))
        shown = here if everything else here[:MOST_ROWS]
        table = plain_table("branch", "sure", "why", "flags", cut=("why",))
        for one in shown:
            sure = f"{one.confidence:.2f}"
            flags = ", ".join(flag.value for flag in one.flags)
            table.add_row(
                safe(one.branch), f"[yellow]{sure}[/]" if one.needs_decision else sure, safe(one.reason), flags
            )
        out.print(table)
        tell_rest(out, len(shown), len(here))
    made = found.clustering
    if made is not None and made.clusters:
        quality = "" if made.silhouette is None else f" (silhouette {made.silhouette:.2f})"
        where = "-o FILE writes" if typed.service is None else "--json prints"
        out.print(f"\nclusters: {len(made.clusters)}{quality}; --format clustered {where} them")
    elif found.unclustered:
        out.print(f"\nno clusters: {safe(found.unclustered)}")
    if found.excluded:
        out.print(f"[dim]branches left out: {len(found.excluded)}; {safe(typed.command('plan'))} says why[/]")
    unsure = sum(one.needs_decision for one in found.categories)
    out.print(
        f"\n{many(len(found.categories), 'branch', 'branches')}, {unsure} need a decision"
        + ("; give them targets under categorization.rules in the configuration" if unsure else "")
    )
