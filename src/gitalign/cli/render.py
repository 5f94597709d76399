"""Plans, reports and lists as tables for people. Every name is made harmless before it reaches the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gitalign.core.categories import Categorized
from gitalign.core.certificate import Proof
from gitalign.core.clashes import Basis, Clash, PairCount
from gitalign.core.forecast import Author, BranchForecast, Forecast, Prospect
from gitalign.core.names import branch_of, display
from gitalign.core.outcome import Aligned, Conflicted, Failed, Finding, Refused, Severity
from gitalign.core.plan import Plan, StepKind
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.report import BranchReport, Report, Verdict
from gitalign.core.run import RunKind, RunRecord

if TYPE_CHECKING:
    from gitalign.batch.execution_plan import ExecutionPlan
    from gitalign.engine.doctor import Diagnosis
    from gitalign.engine.retention import PruneReport
    from gitalign.facade import Status

_MOST_ROWS = 60
_COLOURS = {
    Verdict.ALIGNED: "green",
    Verdict.UNCHANGED: "dim",
    Verdict.CONFLICTED: "yellow",
    Verdict.REFUSED: "yellow",
    Verdict.HELD_BACK: "yellow",
    Verdict.MOVED_AWAY: "yellow",
    Verdict.PUSH_FAILED: "red",
    Verdict.FAILED: "red",
    Verdict.SKIPPED: "magenta",
    Verdict.CANCELLED: "magenta",
    Verdict.NOT_PUBLISHED: "magenta",
}
_KINDS = {
    StepKind.REPLAY: "rebase",
    StepKind.MERGE: "merge",
    StepKind.FAST_FORWARD: "fast-forward",
    StepKind.UP_TO_DATE: "up to date",
    StepKind.LEAVE: "leave",
}


def safe(name: str) -> str:
    """A name for rich: harmless to the terminal, and no markup."""
    return escape(display(name))


def show_plan(out: Console, plan: Plan, *, everything: bool = False) -> None:
    """What a run would do, branch by branch, and why."""
    for target in plan.targets:
        steps = [step for step in plan.steps if step.target == target]
        out.print(f"\n[bold]{safe(target.name)}[/] at {target.oid[:12]}: {_many(len(steps), 'branch', 'branches')}")
        if not steps:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("branch", "what", "own", "behind", "why and notes"):
            table.add_column(column, justify="right" if column in ("own", "behind") else "left", overflow="fold")
        shown = steps if everything else steps[:_MOST_ROWS]
        for step in shown:
            what = "refuse" if step.refusal else _KINDS[step.kind]
            notes = [step.branch.reason, *step.notes, *([step.refusal[1]] if step.refusal else [])]
            if step.depends_on:
                notes.append(
                    f"stack {step.stack}: on top of {', '.join(display(plan.steps[parent].branch.name) for parent in step.depends_on)}"
                )
            if step.checkout:
                notes.append(f"moves together with the work tree {step.checkout}")
            table.add_row(safe(step.branch.name), what, str(step.own_commits), str(step.behind), safe("; ".join(notes)))
        out.print(table)
        if len(shown) < len(steps):
            out.print(f"[dim]and {len(steps) - len(shown)} more; -v shows all[/]")
    if plan.excluded:
        out.print(f"\n[bold]left out[/]: {_many(len(plan.excluded), 'branch', 'branches')}")
        rows = plan.excluded if everything else plan.excluded[:_MOST_ROWS]
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        table.add_column("branch", overflow="fold")
        table.add_column("why", overflow="fold")
        for one in rows:
            table.add_row(safe(one.branch), safe(one.reason))
        out.print(table)
        if len(rows) < len(plan.excluded):
            out.print(f"[dim]and {len(plan.excluded) - len(rows)} more; -v shows all[/]")
    kinds = [
        f"{sum(step.kind is kind and not step.refusal for step in plan.steps)} {words}"
        for kind, words in _KINDS.items()
        if any(step.kind is kind and not step.refusal for step in plan.steps)
    ]
    refused = sum(step.refusal is not None for step in plan.steps)
    if refused:
        kinds.append(f"{refused} refused")
    out.print(f"\nplan {plan.id[:12]}: {', '.join(kinds) or 'nothing to do'}. Nothing was changed.")


def show_categories(out: Console, found: Categorized, *, everything: bool = False) -> None:
    """Where each branch belongs, the uncertain ones first, and what is to be known of them."""
    for target in [*(target.name for target in found.targets), None]:
        here = [one for one in found.categories if one.target == target]
        if not here:
            continue
        unsure = sum(one.needs_decision for one in here)
        title = f"[bold]{safe(target)}[/]" if target is not None else "[bold]without a target[/]"
        out.print(
            f"\n{title}: {_many(len(here), 'branch', 'branches')}"
            + (f", [yellow]{unsure} need a decision[/]" if unsure else "")
        )
        here.sort(key=lambda one: (not one.needs_decision, one.branch))
        shown = here if everything else here[:_MOST_ROWS]
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("branch", "sure", "why", "flags"):
            table.add_column(column, overflow="fold")
        for one in shown:
            sure = f"{one.confidence:.2f}"
            flags = ", ".join(flag.value for flag in one.flags)
            table.add_row(
                safe(one.branch), f"[yellow]{sure}[/]" if one.needs_decision else sure, safe(one.reason), flags
            )
        out.print(table)
        if len(shown) < len(here):
            out.print(f"[dim]and {len(here) - len(shown)} more; -v shows all[/]")
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
        f"\n{_many(len(found.categories), 'branch', 'branches')}, {unsure} need a decision"
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
        shown = telling if everything else telling[:_MOST_ROWS]
        if shown:
            table = Table(box=None, pad_edge=False, header_style="bold dim")
            for column in ("branch", "foreseen", "why"):
                table.add_column(column, overflow="fold")
            for cell in shown:
                colour = _FORESEEN[cell.prospect]
                table.add_row(safe(cell.branch), f"[{colour}]{cell.prospect.value}[/]", safe(_foreseen(cell)))
            out.print(table)
        if len(shown) < len(telling):
            out.print(f"[dim]and {len(telling) - len(shown)} more; -v shows all[/]")
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
        out.print("There is no target branch here; name some in the configuration: alignment.targets")
    if forecast.excluded:
        out.print(f"\n[dim]branches left out: {len(forecast.excluded)}; git align plan says why[/]")
    if not forecast.is_complete:
        out.print("\n[magenta]stopped before it was done[/]")
    out.print("\nNothing was moved.")


def _show_pairs(out: Console, count: PairCount, clashes: Sequence[Clash], everything: bool) -> None:
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
        out.print(f"  branches compared with nobody (refused, unreadable, or left where they are): {count.left_out}")
    if not clashes:
        return
    shown = clashes if everything else clashes[:_MOST_CLASHES]
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for column in ("branch", "clashes with", "merged", "at"):
        table.add_column(column, overflow="fold")
    for clash in shown:
        paths = safe(_some(clash.paths, everything))
        table.add_row(safe(clash.one), safe(clash.other), _BASES[clash.basis], paths)
    out.print(table)
    if len(shown) < len(clashes):
        out.print(f"[dim]and {len(clashes) - len(shown)} more; -v shows all[/]")


def _show_talks(out: Console, forecast: Forecast, everything: bool) -> None:
    """Who must talk to whom, and which pairs nobody can decide before a branch is resolved."""
    talks = forecast.talks()
    if talks:
        names = Counter(author.name for author in {author for talk in talks for author in (talk.one, talk.other)})

        def called(author: Author) -> str:
            is_plain = author.name and names[author.name] == 1
            return safe(author.name if is_plain else f"{author.name} <{author.email}>".strip())

        out.print("\n[bold]who must talk to whom[/]")
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        table.add_column("who", overflow="fold")
        table.add_column("with whom", overflow="fold")
        table.add_column("clashes", justify="right")
        table.add_column("at", overflow="fold")
        shown = talks if everything else talks[:_MOST_CLASHES]
        for talk in shown:
            other = "[dim]both branches are theirs[/]" if talk.one == talk.other else called(talk.other)
            table.add_row(called(talk.one), other, str(len(talk.clashes)), safe(_some(talk.paths, everything)))
        out.print(table)
        if len(shown) < len(talks):
            out.print(f"[dim]and {len(talks) - len(shown)} more; -v shows all[/]")
    contests = sorted(forecast.contests, key=lambda one: (-len(one.stopping), -len(one.changing), one.target, one.path))
    if contests:
        out.print("\n[bold]undecided until somebody resolves them[/]: paths at which branches stop and others change")
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("stop", "change it, too"):
            table.add_column(column, justify="right")
        table.add_column("path", overflow="fold")
        rows = contests if everything else contests[:_MOST_PATHS]
        for one in rows:
            table.add_row(str(len(one.stopping)), str(len(one.changing)), safe(one.path))
        out.print(table)
        if len(rows) < len(contests):
            out.print(f"[dim]and {len(contests) - len(rows)} more; -v shows all[/]")


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _some(paths: Sequence[str], everything: bool) -> str:
    """The first paths and the number of the rest."""
    shown = paths if everything else paths[:_MOST_TOLD]
    more = f" and {len(paths) - len(shown)} more" if len(shown) < len(paths) else ""
    return ", ".join(map(display, shown)) + more


def show_order(out: Console, plan: ExecutionPlan, *, everything: bool = False) -> None:
    """What lands together, what lands first, and what that spares."""
    if plan.batches:
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("batch", "after", "branches", "predicted conflicts"):
            table.add_column(column, overflow="fold")
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
        out.print(f"\n[bold]in no batch[/]: {_many(len(waiting), 'branch', 'branches')}")
        rows = waiting if everything else waiting[:_MOST_ROWS]
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("branch", "why"):
            table.add_column(column, overflow="fold")
        for held in rows:
            table.add_row(safe(held.branch), safe(held.reason))
        out.print(table)
        if len(rows) < len(waiting):
            out.print(f"[dim]and {len(waiting) - len(rows)} more; -v shows all[/]")
    for first, then in plan.metadata.get("missing_dependencies", ()):
        out.print(
            f"[yellow]landing.dependencies[/]: {safe(then)} after {safe(first)} has no effect: one of them lands nothing here"
        )
    best = "no order has fewer" if plan.stops == plan.least_stops else f"no order has fewer than {plan.least_stops}"
    out.print(
        f"\n{_many(plan.total_tasks, 'branch', 'branches')} in {_many(len(plan.batches), 'batch', 'batches')}; "
        f"{plan.stops} of them stop because of others"
        + (f" ({best})" if plan.stops else "")
        + (f"; {done} have nothing to land" if done else "")
        + ". Nothing was moved."
    )
    if not plan.is_complete:
        out.print("[magenta]stopped before it was done[/]")


def _foreseen(cell: BranchForecast) -> str:
    how = (
        f"{_KINDS[cell.kind]}, {cell.own_commits} own, {cell.behind} behind" if cell.prospect is Prospect.CLEAN else ""
    )
    stop = f"{cell.commit[:12]} {cell.subject}" if cell.commit else ""
    return "; ".join(part for part in (how, cell.reason, stop) if part)


def show_report(out: Console, report: Report, *, everything: bool = False) -> None:
    """What came of every branch."""
    if report.run.kind is RunKind.UNDO:
        show_moves(out, report.publications)
        return
    for target, branches in report.by_target().items():
        if not branches:
            continue
        out.print(f"\n[bold]{safe(target)}[/]: {_tally(branches)}")
        rows = [branch for branch in branches if everything or branch.verdict is not Verdict.UNCHANGED]
        table = Table(box=None, pad_edge=False, header_style="bold dim")
        for column in ("branch", "verdict", "what happened"):
            table.add_column(column, overflow="fold")
        shown = rows if everything else _most_telling(rows)
        for branch in shown:
            colour = _COLOURS[branch.verdict]
            table.add_row(safe(branch.step.branch.name), f"[{colour}]{branch.verdict.value}[/]", safe(_story(branch)))
        out.print(table)
        if len(shown) < len(rows):
            out.print(f"[dim]and {len(rows) - len(shown)} more; git align show {report.run.id} -v lists all[/]")
    counts = ", ".join(f"{number} {verdict.replace('_', ' ')}" for verdict, number in report.counts().items())
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.phases)
    out.print(f"\nrun [bold]{report.run.id}[/]: {counts or 'no branch to align'}")
    if report.phases:
        out.print(
            f"[dim]{report.total_s:.1f} s ({phases}), {report.peak_memory_bytes // 1_000_000} MB; {safe('; '.join(report.notices))}[/]"
        )
    _next_steps(out, report)


def _most_telling(rows: list[BranchReport]) -> list[BranchReport]:
    ranked = sorted(rows, key=lambda branch: branch.verdict is Verdict.ALIGNED)
    keep = {id(branch) for branch in ranked[:_MOST_ROWS]}
    return [branch for branch in rows if id(branch) in keep]


def _tally(branches: Sequence[BranchReport]) -> str:
    counts = {verdict: sum(branch.verdict is verdict for branch in branches) for verdict in Verdict}
    return ", ".join(
        f"[{_COLOURS[verdict]}]{number} {verdict.value.replace('_', ' ')}[/]"
        for verdict, number in counts.items()
        if number
    )


def _story(branch: BranchReport) -> str:
    outcome = branch.result.outcome
    if isinstance(outcome, Aligned) and branch.verdict is Verdict.ALIGNED:
        count = len(outcome.rewritten)
        words = {
            "replayed": f"{count} commit{'' if count == 1 else 's'} replayed",
            "merged": f"{branch.step.target.name} merged in",
            "fast_forwarded": "already merged; stands at the target's tip",
        }
        parts = [words[outcome.how.value]]
        reasons: dict[str, int] = {}
        for drop in outcome.dropped:
            reasons[drop.reason.value] = reasons.get(drop.reason.value, 0) + 1
        parts += [f"{number} {reason.replace('_', ' ')}" for reason, number in reasons.items()]
        telling = [finding for finding in outcome.findings if finding.severity is not Severity.INFO]
        parts += [_where(finding) + finding.message for finding in telling[:1]]
        if len(telling) > 1:
            parts.append(f"and {len(telling) - 1} more findings")
        if branch.detail:
            parts.append(branch.detail)
        return ", ".join(parts)
    return branch.detail


def _where(finding: Finding) -> str:
    if finding.path is None:
        return ""
    return f"{finding.path}: " if finding.line is None else f"{finding.path}:{finding.line}: "


def _show_findings(out: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        whose = f" (from the {finding.introduced_by})" if finding.introduced_by else ""
        words = safe(f"{_where(finding)}{finding.message}{whose}")
        out.print(f"  finding    {finding.severity.value} {finding.code}: {words}")


def show_proofs(out: Console, proofs: Sequence[Proof], *, everything: bool = False) -> None:
    """Which certificates hold, and what is wrong with the others."""
    shown = proofs if everything else [proof for proof in proofs if not proof.holds]
    for proof in shown:
        one = proof.certificate
        word = "[green]proved[/]" if proof.holds else "[red]not proved[/]"
        out.print(f"{safe(branch_of(one.ref))}: {word}; {proof.standing}")
        out.print(f"  {one.before[:12]} on {one.onto[:12]} gave {one.after[:12]} ({one.how.value})")
        for pair in one.commits if everything else ():
            out.print(f"    {pair.old[:12]} -> {pair.new[:12]}  {pair.patch.value}")
        for fault in proof.faults:
            out.print(f"  [red]{safe(fault)}[/]")
        for check in proof.checks:
            if everything or not check.passed:
                what = check.name.value.replace("_", " ")
                out.print(
                    f"  {'yes' if check.passed else '[red]no[/] '}  {what}"
                    + (f": {safe(check.detail)}" if check.detail else "")
                )
    held = sum(proof.holds for proof in proofs)
    out.print(f"{_many(len(proofs), 'certificate', 'certificates')}: {held} proved, {len(proofs) - held} not")


def _next_steps(out: Console, report: Report) -> None:
    moved = sum(one.state is MoveState.MOVED for one in report.publications)
    attention = [
        branch
        for branch in report.branches()
        if branch.verdict in (Verdict.CONFLICTED, Verdict.FAILED, Verdict.REFUSED, Verdict.HELD_BACK)
    ]
    if moved:
        out.print(f"[bold]next:[/] git align undo {report.run.id}   puts the {moved} moved branches back")
    if attention:
        name = safe(attention[0].step.branch.name)
        out.print(f"[bold]next:[/] git align show {report.run.id} {name}   tells all about one branch")
    if report.run.outcome == "interrupted":
        out.print("[bold]next:[/] git align resume   goes on where the run was stopped")


def show_branch(out: Console, report: Report, branch: BranchReport) -> None:
    """Everything known of one branch in one run."""
    step, outcome = branch.step, branch.result.outcome
    out.print(
        f"[bold]{safe(step.branch.name)}[/] in run {report.run.id}: [{_COLOURS[branch.verdict]}]{branch.verdict.value}[/]"
    )
    out.print(f"  target     {safe(step.target.name)} at {step.onto} ({safe(step.branch.reason)})")
    out.print(f"  was at     {step.seen}, {step.own_commits} own commits, {step.behind} behind")
    for note in step.notes:
        out.print(f"  note       {safe(note)}")
    if branch.detail:
        out.print(f"  because    {safe(branch.detail)}")
    match outcome:
        case Aligned():
            out.print(f"  is now     {outcome.after} ({outcome.how.value})")
            for rewrite in outcome.rewritten:
                out.print(f"    {rewrite.old[:12]} -> {rewrite.new[:12]}")
            for drop in outcome.dropped:
                same = f", same patch as {drop.upstream[:12]}" if drop.upstream else ""
                out.print(
                    f"    {drop.oid[:12]} dropped: {drop.reason.value.replace('_', ' ')}{same}  {safe(drop.subject)}"
                )
            _show_findings(out, outcome.findings)
        case Failed():
            _show_findings(out, outcome.findings)
        case Conflicted():
            if outcome.commit is not None:
                out.print(
                    f"  stopped at commit {outcome.position} of {outcome.total}: {outcome.commit} {safe(outcome.subject)}"
                )
            for conflict in outcome.conflicts:
                out.print(f"    {safe(conflict.kind)}: {safe(', '.join(conflict.paths))}")
            for entry in outcome.entries:
                out.print(f"    stage {entry.stage} {entry.mode} {entry.oid[:12]} {safe(entry.path)}")
            out.print("  to meet the same conflict:")
            for command in outcome.reproduce:
                out.print(f"    {safe(command)}")
        case Refused() | Failed():
            if outcome.hint:
                out.print(f"  next       {safe(outcome.hint)}")
        case _:
            pass
    publication = branch.publication
    if publication is not None:
        out.print(
            f"  published  {publication.state.value}"
            + (f", backup {safe(branch_of(publication.backup_ref))}" if publication.backup_ref else "")
        )
        if publication.push is not PushState.NOT_ASKED:
            out.print(f"  pushed     {publication.push.value} {safe(publication.push_detail)}")


def show_moves(out: Console, publications: Sequence[Publication], *, tense: str = "") -> None:
    """Ref moves, made or intended."""
    if not publications:
        out.print("nothing to move")
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for column in ("branch", "from", "to", "state", ""):
        table.add_column(column, overflow="fold")
    for one in publications:
        state = tense if tense and one.state is MoveState.INTENDED else one.state.value.replace("_", " ")
        table.add_row(
            safe(branch_of(one.update.ref)), one.update.before[:12], one.update.after[:12], state, safe(one.detail)
        )
    out.print(table)


def show_runs(out: Console, runs: Sequence[RunRecord]) -> None:
    """Every run, newest first."""
    if not runs:
        out.print("nothing was run here yet. [bold]next:[/] git align plan")
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for column in ("run", "what", "started", "outcome", "branches", "moved", ""):
        table.add_column(column)
    for run in runs:
        remark = f"undoes {run.undoes}" if run.undoes else (f"undone by {run.undone_by}" if run.undone_by else "")
        table.add_row(
            run.id,
            run.kind.value,
            f"{run.started_at:%Y-%m-%d %H:%M:%S}Z",
            run.outcome,
            str(run.total),
            str(run.moved),
            remark,
        )
    out.print(table)


def show_status(out: Console, status: Status) -> None:
    """Where a repository stands and what to type next."""
    out.print(f"[bold]{safe(status.repository)}[/]")
    if status.targets:
        out.print("  targets: " + ", ".join(f"{safe(target.name)} ({target.oid[:10]})" for target in status.targets))
    else:
        out.print(
            "  no target branch found (main, master, scientific, orchestration-tools); name yours: alignment.targets in the configuration"
        )
    out.print(f"  {status.to_align} branches to align, {status.up_to_date} up to date, {status.excluded} left out")
    if status.last is not None:
        out.print(f"  last run: {status.last.id}, {status.last.outcome}, {status.last.moved} moved")
    for run in status.unfinished:
        out.print(f"  [yellow]unfinished: {run.id} ({run.state.value})[/]")
    out.print(f"[bold]next:[/] {status.next_command}")


def show_doctor(out: Console, found: Sequence[Diagnosis]) -> None:
    """What the doctor saw."""
    signs = {True: "[green]ok  [/]", False: "[red]bad [/]", None: "[yellow]note[/]"}
    for one in found:
        out.print(
            f"{signs[one.ok]} {one.check}: {safe(one.detail)}"
            + (f"\n     [bold]next:[/] {safe(one.hint)}" if one.hint else "")
        )


def show_prune(out: Console, report: PruneReport) -> None:
    """What was removed, or would be."""
    verb = "would remove" if report.dry_run else "removed"
    out.print(f"{verb} {len(report.anchors)} pins of {len(report.runs)} runs and {len(report.backups)} backup branches")
    for ref, reason in report.kept_backups:
        out.print(f"  kept {safe(ref)}: {safe(reason)}")
