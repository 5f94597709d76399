"""What can land together, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.core.names import display

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.landing.execution_plan import ExecutionPlan

_MOST_MEMBERS = 12
_MOST_ADVICE = 5


def show_order(out: Console, plan: ExecutionPlan, *, everything: bool = False) -> None:
    """What lands together, what lands first, and what that spares."""
    if plan.batches:
        table = plain_table("batch", "after", "branches", "predicted conflicts", cut=("after", "branches"))
        for batch in plan.batches:
            shown = batch.members if everything else batch.members[:_MOST_MEMBERS]
            more = f" and {len(batch.members) - len(shown)} more" if len(shown) < len(batch.members) else ""
            with_whom = sorted(
                {
                    f"{display(one.second)} with {display(one.first)}" + (" and others together" if one.jointly else "")
                    for one in batch.predicted_conflicts
                    if one.is_stop
                }
            )
            told = with_whom if everything else with_whom[:_MOST_MEMBERS]
            rest = f" and {len(with_whom) - len(told)} more" if len(told) < len(with_whom) else ""
            table.add_row(
                str(batch.batch_id),
                ", ".join(map(str, batch.depends_on)) or "-",
                safe(", ".join(map(display, shown))) + more,
                safe("; ".join(told)) + rest,
            )
        out.print(table)
    for one in plan.advice if everything else plan.advice[:_MOST_ADVICE]:
        first = ", ".join(display(name) for name in one.first[:_MOST_MEMBERS])
        more = f" and {len(one.first) - _MOST_MEMBERS} more" if len(one.first) > _MOST_MEMBERS else ""
        out.print(f"land {safe(first)}{more} before {safe(one.then)}: {one.saves} fewer stop")
    if len(plan.critical_path) > 1:
        out.print(f"longest chain: {safe(' -> '.join(map(display, plan.critical_path)))}")
    waiting = [one for one in plan.held if one.code != "nothing_to_land"]
    done = len(plan.held) - len(waiting)
    if waiting:
        out.print(f"\n[bold]in no batch[/]: {many(len(waiting), 'branch', 'branches')}")
        rows = waiting if everything else waiting[:MOST_ROWS]
        table = plain_table("branch", "why")
        for held in rows:
            table.add_row(safe(held.branch), safe(held.reason))
        out.print(table)
        tell_rest(out, len(rows), len(waiting))
    for first, then in plan.metadata.get("missing_dependencies", ()):
        out.print(
            f"[yellow]landing.dependencies[/]: {safe(then)} after {safe(first)} has no effect: one of them lands nothing here"
        )
    for notice in plan.metadata.get("notices", ()):
        out.print(f"\n[yellow]{safe(notice)}[/]")
    best = "no order has fewer" if plan.stops == plan.least_stops else f"no order has fewer than {plan.least_stops}"
    out.print(
        f"\n{many(plan.total_tasks, 'branch', 'branches')} in {many(len(plan.batches), 'batch', 'batches')}; "
        f"{plan.stops} of them stop because of others"
        + (f" ({best})" if plan.stops else "")
        + (f"; {done} have nothing to land" if done else "")
        + ". Nothing was moved."
    )
    if not plan.is_complete:
        out.print("[magenta]stopped before it was done[/]")
