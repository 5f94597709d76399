"""A forecast, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import MOST_ROWS, STEP_WORDS, plain_table, safe, tell_rest
from gitalign.core.forecast import Author, BranchForecast, Forecast, Prospect
from gitalign.core.names import display
from gitalign.core.pair_conflicts import Basis, PairConflict, PairCount
from gitalign.core.report import alignable_point_in_short

if TYPE_CHECKING:
    from rich.console import Console

_FORESEEN = {
    Prospect.CLEAN: "green",
    Prospect.UNCHANGED: "dim",
    Prospect.CONFLICT: "yellow",
    Prospect.REFUSED: "yellow",
    Prospect.FAILED: "red",
    Prospect.CANCELLED: "magenta",
}
_MOST_PATHS = 10
_MOST_CLASHES = 20
_MOST_TOLD = 3
_BASES = {Basis.ALIGNED: "once aligned", Basis.PARTIAL: "in part", Basis.AS_THEY_STAND: "as they stand"}


def show_forecast(out: Console, forecast: Forecast, *, everything: bool = False, typed: Typed = NOTHING_TYPED) -> None:
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
        out.print(f"\n[dim]branches left out: {len(forecast.excluded)}; {safe(typed.command('plan'))} says why[/]")
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
    """Who must talk to whom, and which pairs no one can decide before a branch is resolved."""
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
    return "; ".join(
        part for part in (how, settled, cell.reason, stop, alignable_point_in_short(cell.alignable_point)) if part
    )
