"""What a run came to, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli import advice
from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.advice_after_run import after_run
from gitalign.cli.rendering.moves import show_moves
from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.core.attention import push_reason
from gitalign.core.emptied import EMPTIED_BY_RESOLUTION, by_what, why_dropped
from gitalign.core.findings import Finding, Severity
from gitalign.core.names import branch_of
from gitalign.core.outcome import Aligned
from gitalign.core.report import BranchReport, Report, Verdict, was_pushed
from gitalign.core.run import RunKind

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    Verdict.ALIGNED: "green",
    Verdict.UNCHANGED: "dim",
    Verdict.PARTLY_ALIGNED: "yellow",
    Verdict.CONFLICTED: "yellow",
    Verdict.REFUSED: "yellow",
    Verdict.HELD_BACK: "yellow",
    Verdict.MOVED_AWAY: "yellow",
    Verdict.PUSH_FAILED: "red",
    Verdict.PUT_BACK: "green",
    Verdict.FAILED: "red",
    Verdict.SKIPPED: "magenta",
    Verdict.CANCELLED: "magenta",
    Verdict.NOT_PUBLISHED: "magenta",
}


def show_report(
    out: Console, report: Report, *, everything: bool = False, typed: Typed = NOTHING_TYPED, is_new: bool = False
) -> None:
    """What came of every branch, and what to type next.

    Args:
        out: where to.
        report: of the run.
        everything: every branch, and figures of the run itself.
        typed: options that commands to type next have to repeat.
        is_new: the run has just ended.
    """
    if report.run.kind is not RunKind.ALIGN:
        show_moves(out, report.publications)
        return
    for target, branches in report.by_target().items():
        if not branches:
            continue
        out.print(f"\n[bold]{safe(target)}[/]: {_tally(branches)}")
        rows = [one for one in branches if everything or one.verdict is not Verdict.UNCHANGED or was_pushed(one)]
        table = plain_table("branch", "verdict", "what happened")
        shown = rows if everything else _most_telling(rows)
        for branch in shown:
            colour = COLOURS[branch.verdict]
            table.add_row(safe(branch.step.branch.name), f"[{colour}]{branch.verdict.value}[/]", safe(_story(branch)))
        out.print(table)
        if len(shown) < len(rows):
            out.print(
                f"[dim]and {len(rows) - len(shown)} more; {safe(typed.command('show', report.run.id, '-v'))} lists all[/]"
            )
    _show_held_back(out, report, everything)
    _show_waiting(out, report, everything)
    _show_old_findings(out, report, everything)
    _show_house_rules(out, report, everything)
    counts = ", ".join(f"{number} {verdict.replace('_', ' ')}" for verdict, number in report.counts().items())
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.phases)
    held = sum(one.is_held_back for one in report.plan.excluded)
    nothing = f"{many(held, 'branch', 'branches')} held back" if held else "no branch to align"
    out.print(f"\nrun [bold]{report.run.id}[/]: {counts or nothing}")
    merges = [one for one in report.notices if " merges made, " in one]
    for notice in report.notices:
        if notice not in merges:
            out.print(f"note: {safe(notice)}")
    if report.phases and everything:
        out.print(
            f"[dim]{report.total_s:.1f} s ({phases}), {report.peak_memory_bytes // 1_000_000} MB; {safe('; '.join(merges))}[/]"
        )
    advice.show(out, after_run(report, typed, is_new=is_new))


def _show_held_back(out: Console, report: Report, everything: bool) -> None:
    """Branches that cannot be aligned now, or not as they were asked for: what a run with such branches ends with 1 for."""
    held = [one for one in report.plan.excluded if one.is_held_back or one.is_wrong]
    if not held:
        return
    out.print(f"\n[bold]held back[/]: {many(len(held), 'branch', 'branches')}")
    shown = held if everything else held[:MOST_ROWS]
    table = plain_table("branch", "why")
    for one in shown:
        table.add_row(safe(one.branch), safe(one.reason))
    out.print(table)
    tell_rest(out, len(shown), len(held))


def _show_waiting(out: Console, report: Report, everything: bool) -> None:
    """Branches that earlier runs moved, and that are not on their remote; a run that does not push changes nothing of that."""
    if not report.waiting:
        return
    out.print(f"\n[bold]not on their remote[/]: {many(len(report.waiting), 'branch', 'branches')} of earlier runs")
    shown = report.waiting if everything else report.waiting[:MOST_ROWS]
    table = plain_table("branch", "why")
    for one in shown:
        table.add_row(safe(branch_of(one.update.ref)), safe(push_reason(one)))
    out.print(table)
    tell_rest(out, len(shown), len(report.waiting))


def _show_old_findings(out: Console, report: Report, everything: bool) -> None:
    """What the detectors see in code that no branch touched, apart from what branches include."""
    outcomes = [branch.result.outcome for branch in report.branches()]
    old = {
        (one.path or "", one.line or 0, one.message): one
        for outcome in outcomes
        if isinstance(outcome, Aligned)
        for one in outcome.findings
        if is_old(one) and one.severity is not Severity.INFO
    }
    if not old:
        return
    files = len({path for path, _, _ in old})
    out.print(
        f"\n[dim]in the targets already, not from these branches: {many(len(old), 'finding', 'findings')} in "
        f"{many(files, 'file', 'files')}{'' if everything else '; -v lists them'}[/]"
    )
    for key in sorted(old) if everything else ():
        out.print(f"  [dim]{safe(where(old[key]) + old[key].message)}[/]")


def _show_house_rules(out: Console, report: Report, everything: bool) -> None:
    """One line for each branch that the house rules want looked at."""
    judged = [(branch, one) for branch in report.branches() if (one := branch.result.compliance) is not None]
    telling = [(branch, one) for branch, one in judged if one.needs_attention]
    if telling:
        out.print(
            f"\n[bold]house rules[/]: {len(telling)} of {many(len(judged), 'branch', 'branches')} in need of attention"
        )
        shown = telling if everything else telling[:MOST_ROWS]
        for branch, one in shown:
            names = ", ".join(result.id for result in one.critical) or "no MUST is missed"
            out.print(f"  {safe(branch.step.branch.name)}: {safe(one.words)}: {safe(names)}")
        tell_rest(out, len(shown), len(telling))


def _most_telling(rows: list[BranchReport]) -> list[BranchReport]:
    ranked = sorted(rows, key=lambda branch: branch.verdict is Verdict.ALIGNED)
    keep = {id(branch) for branch in ranked[:MOST_ROWS]}
    return [branch for branch in rows if id(branch) in keep]


def _tally(branches: Sequence[BranchReport]) -> str:
    counts = {verdict: sum(branch.verdict is verdict for branch in branches) for verdict in Verdict}
    return ", ".join(
        f"[{COLOURS[verdict]}]{number} {verdict.value.replace('_', ' ')}[/]"
        for verdict, number in counts.items()
        if number
    )


def _story(branch: BranchReport) -> str:
    outcome = branch.result.outcome
    if isinstance(outcome, Aligned) and branch.verdict is Verdict.ALIGNED:
        count = len(outcome.rewritten)
        words = {
            "replayed": f"{count} commit{'' if count == 1 else 's'} replayed",
            "recreated": f"{count} commit{'' if count == 1 else 's'} replayed, merges made again",
            "merged": f"{branch.step.target.name} merged in",
            "integrated": "merged on a branch of its own",
            "fast_forwarded": "already merged; stands at the target's tip",
            "emptied": "none of its commits is left; stands at the target's tip",
            "rewound": "none of its commits is left; went back to the target's tip",
        }
        parts = [words[outcome.how.value]]
        if outcome.strategies_tried:
            parts.append(f"by {outcome.strategy_used}, since {'; '.join(outcome.strategies_tried)}")
        reasons: dict[str, int] = {}
        for drop in outcome.dropped:
            reason = why_dropped(drop, outcome.resolved)
            reasons[reason] = reasons.get(reason, 0) + 1
        parts += [f"{number} {reason}" for reason, number in reasons.items()]
        if outcome.resolved:
            parts.append(
                f"{many(len(outcome.resolved), 'conflict', 'conflicts')} resolved by {by_what(outcome.resolved)}"
            )
        telling = [
            finding
            for finding in outcome.findings
            if finding.severity is not Severity.INFO and finding.code != EMPTIED_BY_RESOLUTION and not is_old(finding)
        ]
        parts += [where(finding) + finding.message for finding in telling[:1]]
        if len(telling) > 1:
            parts.append(f"and {len(telling) - 1} more findings")
        if branch.detail:
            parts.append(branch.detail)
        return ", ".join(parts)
    return branch.detail


def is_old(finding: Finding) -> bool:
    """True for what stood in the target already: neither the branch nor the integration put it there."""
    return finding.introduced_by == "target"


def where(finding: Finding) -> str:
    """The place of a finding, to stand before its message."""
    if finding.path is None:
        return ""
    return f"{finding.path}: " if finding.line is None else f"{finding.path}:{finding.line}: "
