"""A plan, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import MOST_ROWS, STEP_WORDS, counted, many, plain_table, safe, tell_rest
from gitalign.core.branch_rules import BranchProtection, RuleState
from gitalign.core.exclusions import FILTERS
from gitalign.core.names import display
from gitalign.core.plan import Plan
from gitalign.core.strategies import idle_rules

if TYPE_CHECKING:
    from rich.console import Console


def show_protections(out: Console, protections: Sequence[BranchProtection]) -> None:
    """What is wrong with the protection of targets, or not known of it."""
    colours = {RuleState.VIOLATED: "red", RuleState.UNKNOWN: "yellow"}
    for one in protections:
        if one.state is RuleState.SATISFIED:
            out.print(safe(f"protection of {display(one.branch)}: as required"))
            continue
        out.print(f"[{colours[one.state]}]protection of {safe(display(one.branch))}: {one.state}[/]")
        for fault in one.faults:
            out.print(safe(f"  {display(fault)}"))


def show_plan(out: Console, plan: Plan, *, everything: bool = False, fetched: bool = False) -> None:
    """What a run would do, branch by branch, and why."""
    for target in plan.targets:
        steps = [step for step in plan.steps if step.target == target]
        tracked = target.ref.removeprefix("refs/remotes/") if target.ref.startswith("refs/remotes/") else ""
        at = f"{safe(tracked)}, {target.oid[:12]}" if tracked else target.oid[:12]
        out.print(f"\n[bold]{safe(target.name)}[/] at {at}: {many(len(steps), 'branch', 'branches')}")
        for words in (said for name, _, said in plan.snapshot.public_targets if name == target.name):
            out.print(f"[yellow]{safe(words)}[/]")
        if not steps:
            continue
        table = plain_table("branch", "what", "own", "behind", "why and notes", right=("own", "behind"))
        shown = steps if everything else steps[:MOST_ROWS]
        for step in shown:
            what = "refuse" if step.refusal else STEP_WORDS[step.kind]
            notes = [step.branch.reason, *step.notes, *([step.refusal[1]] if step.refusal else [])]
            if step.depends_on:
                notes.append(
                    f"stack {step.stack}: on top of {', '.join(display(plan.steps[parent].branch.name) for parent in step.depends_on)}"
                )
            if step.checkout:
                notes.append(f"moves together with the work tree {step.checkout}")
            table.add_row(safe(step.branch.name), what, str(step.own_commits), str(step.behind), safe("; ".join(notes)))
        out.print(table)
        tell_rest(out, len(shown), len(steps))
    if idle := idle_rules(plan.policy, (note for step in plan.steps for note in step.notes)):
        named = ", ".join(map(str, idle))
        out.print(
            f"\n[yellow]alignment.strategies: no branch is aligned by {'rule' if len(idle) == 1 else 'rules'} {named}[/]"
        )
    excluded = [one for one in plan.excluded if everything or one.code not in FILTERS]
    if excluded:
        out.print(f"\n[bold]left out[/]: {many(len(excluded), 'branch', 'branches')}")
        rows = excluded if everything else excluded[:MOST_ROWS]
        table = plain_table("branch", "why")
        for one in rows:
            table.add_row(safe(one.branch), safe(one.reason))
        out.print(table)
        tell_rest(out, len(rows), len(excluded))
    counts = Counter(step.kind for step in plan.steps if not step.refusal)
    kinds = [counted(kind, counts[kind]) for kind in STEP_WORDS if counts[kind]]
    refused = sum(step.refusal is not None for step in plan.steps)
    if refused:
        kinds.append(f"{refused} refused")
    changed = "No branch was changed; the targets were fetched." if fetched else "Nothing was changed."
    out.print(f"\nplan {plan.id[:12]}: {', '.join(kinds) or 'nothing to do'}. {changed}")
