"""What the verbs before a run show: plans, categories, forecasts, orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli.tables import MOST_ROWS, STEP_WORDS, many, plain_table, safe, tell_rest
from gitalign.core.categories import Categorized
from gitalign.core.exclusions import FILTERS
from gitalign.core.forecast import Author, BranchForecast, Forecast, Prospect
from gitalign.core.names import display
from gitalign.core.pair_conflicts import Basis, PairConflict, PairCount
from gitalign.core.plan import Plan
from gitalign.core.report import furthest_in_short
from gitalign.core.strategies import idle_rules

if TYPE_CHECKING:
    from gitalign.landing.execution_plan import ExecutionPlan


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
    kinds = [
        f"{sum(step.kind is kind and not step.refusal for step in plan.steps)} {words}"
        for kind, words in STEP_WORDS.items()
        if any(step.kind is kind and not step.refusal for step in plan.steps)
    ]
    refused = sum(step.refusal is not None for step in plan.steps)
    if refused:
        kinds.append(f"{refused} refused")
    changed = "No branch was changed; the targets were fetched." if fetched else "Nothing was changed."
    out.print(f"\nplan {plan.id[:12]}: {', '.join(kinds) or 'nothing to do'}. {changed}")


def show_categories(out: Console, found: Categorized, *, everything: bool = False) -> None:
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
        out.print(f"\nclusters: {len(made.clusters)}{quality}; --format clustered -o FILE writes them")
    elif found.unclustered:
        out.print(f"\nno clusters: {safe(found.unclustered)}")
    if found.excluded:
        out.print(f"[dim]branches left out: {len(found.excluded)}; git align plan says why[/]")
    unsure = sum(one.needs_decision for one in found.categories)
    out.print(
        f"\n{many(len(found.categories), 'branch', 'branches')}, {unsure} need a decision"
        + ("; give them targets under categorization.rules in the configuration" if unsure else "")
    )


_FORESEEN = {
    Prospect.CLEAN: "green",
    Prospect.UNCHANGED: "dim",
    Prospect.CONFLICT: "yellow",
    Prospect.REFUSED: "yellow",
    Prospect.FAILED: "red",
    Prospect.CANCELLED: "magenta",
}
_MOST_PATHS = 10
_MOST_MEMBERS = 12
_MOST_ADVICE = 5
_MOST_CLASHES = 20
_MOST_TOLD = 3
_BASES = {Basis.ALIGNED: "once aligned", Basis.PARTIAL: "in part", Basis.AS_THEY_STAND: "as they stand"}


def show_forecast(out: Console, forecast: Forecast, *, everything: bool = False) -> None:
    """What a run would come to, target by target, and the paths at which most branches stop."""
    for target in forecast.targets:
        cells = [cell for cell in forecast.branches if cell.target == target.name]
        counts = ", ".join(
            f"[{_FORESEEN[prospect]}]{number} {prospect.value}[/]"
            for prospect, number in forecast.counts(target.name).items()
        )
        out.print(f"\n[bold]{safe(target.name)}[/] at {target.oid[:12]}: {counts or 'no branches'}")
        telling = [cell for cell in cells if everything or cell.prospect is not Prospect.UNCHANGED]
        shown = telling if everything else telling[:MOST_ROWS]
        if shown:
            table = plain_table("branch", "expected", "why")
            for cell in shown:
                colour = _FORESEEN[cell.prospect]
                table.add_row(safe(cell.branch), f"[{colour}]{cell.prospect.value}[/]", safe(_foreseen(cell)))
            out.print(table)
        tell_rest(out, len(shown), len(telling))
        contested = forecast.contested(target.name)
        if contested:
            out.print("most contested paths:")
            for one in contested[:_MOST_PATHS]:
                out.print(f"  {len(one.branches):4}  {safe(one.path)}")
        counted = next((count for count in forecast.pairs if count.target == target.name), None)
        if counted is not None:
            _show_pairs(out, counted, [clash for clash in forecast.clashes if clash.target == target.name], everything)
    _show_talks(out, forecast, everything)
    if not forecast.targets:
        out.print(
            "There is no target branch here; name yours: --target NAME, or alignment.targets in the configuration"
        )
    if forecast.excluded:
        out.print(f"\n[dim]branches left out: {len(forecast.excluded)}; git align plan says why[/]")
    for notice in forecast.notices:
        out.print(f"\n[yellow]{safe(notice)}[/]")
    if not forecast.is_complete:
        out.print("\n[magenta]stopped before it was done[/]")
    out.print("\nNothing was moved.")


def _show_pairs(out: Console, count: PairCount, clashes: Sequence[PairConflict], everything: bool) -> None:
    """How the pairs were decided, and which of them clash."""
    undecided = f", {count.undecided} undecided (both change a path at which one stops)" if count.undecided else ""
    failed = f", [red]{count.failed} that git could not merge[/]" if count.failed else ""
    out.print(
        f"pairs of branches: {count.pairs}, of which {count.pruned} proved clean, {count.merged} merged, "
        f"[yellow]{count.clashing} clash[/]{undecided}{failed}"
    )
    if count.partial:
        out.print(f"  branches that stop, compared as far as git merges them with the target: {count.partial}")
    if count.left_out:
        out.print(f"  branches compared with no other (refused, unreadable, or left where they are): {count.left_out}")
    if not clashes:
        return
    shown = clashes if everything else clashes[:_MOST_CLASHES]
    table = plain_table("branch", "clashes with", "merged", "at")
    for clash in shown:
        paths = safe(_some(clash.paths, everything))
        table.add_row(safe(clash.one), safe(clash.other), _BASES[clash.basis], paths)
    out.print(table)
    tell_rest(out, len(shown), len(clashes))


def _show_talks(out: Console, forecast: Forecast, everything: bool) -> None:
    """Who must talk to whom, and which pairs nobody can decide before a branch is resolved."""
    talks = forecast.talks()
    if talks:
        names = Counter(author.name for author in {author for talk in talks for author in (talk.one, talk.other)})

        def called(author: Author) -> str:
            is_plain = author.name and names[author.name] == 1
            return safe(author.name if is_plain else f"{author.name} <{author.email}>".strip())

        out.print("\n[bold]who must talk to whom[/]")
        table = plain_table("who", "with whom", "clashes", "at", right=("clashes",))
        shown = talks if everything else talks[:_MOST_CLASHES]
        for talk in shown:
            other = "[dim]both branches are theirs[/]" if talk.one == talk.other else called(talk.other)
            table.add_row(called(talk.one), other, str(len(talk.clashes)), safe(_some(talk.paths, everything)))
        out.print(table)
        tell_rest(out, len(shown), len(talks))
    contests = sorted(forecast.contests, key=lambda one: (-len(one.stopping), -len(one.changing), one.target, one.path))
    if contests:
        out.print("\n[bold]undecided until a person resolves them[/]: paths at which branches stop and others change")
        table = plain_table("stop", "change it, too", "path", right=("stop", "change it, too"))
        rows = contests if everything else contests[:_MOST_PATHS]
        for one in rows:
            table.add_row(str(len(one.stopping)), str(len(one.changing)), safe(one.path))
        out.print(table)
        tell_rest(out, len(rows), len(contests))


def _some(paths: Sequence[str], everything: bool) -> str:
    """The first paths and the number of the rest."""
    shown = paths if everything else paths[:_MOST_TOLD]
    more = f" and {len(paths) - len(shown)} more" if len(shown) < len(paths) else ""
    return ", ".join(map(display, shown)) + more


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


def _foreseen(cell: BranchForecast) -> str:
    how = (
        f"{STEP_WORDS[cell.kind]}, {cell.own_commits} own, {cell.behind} behind"
        if cell.prospect is Prospect.CLEAN
        else ""
    )
    stop = f"{cell.commit[:12]} {cell.subject}" if cell.commit else ""
    used = ", ".join(dict.fromkeys(f"{one.path} by {one.resolver}" for one in cell.resolved[:_MOST_TOLD]))
    more = f" and {len(cell.resolved) - _MOST_TOLD} more" if len(cell.resolved) > _MOST_TOLD else ""
    settled = f"resolved automatically: {used}{more}" if used else ""
    return "; ".join(part for part in (how, settled, cell.reason, stop, furthest_in_short(cell.furthest)) if part)
