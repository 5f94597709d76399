"""What runs came to, as tables for people. Every name is made harmless before it reaches the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from gitalign.cli import advice
from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.cli.working_set import elsewhere
from gitalign.core.certificate import Proof
from gitalign.core.emptied import EMPTIED_BY_RESOLUTION, by_what, why_dropped
from gitalign.core.findings import Finding, Severity
from gitalign.core.names import Oid, branch_of, is_zero
from gitalign.core.outcome import Aligned
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import place_words
from gitalign.core.report import BranchReport, Report, Verdict
from gitalign.core.run import RunKind, RunRecord

if TYPE_CHECKING:
    from gitalign.engine.analysis.doctor import Diagnosis
    from gitalign.engine.publishing.retention import PruneReport
    from gitalign.facade import Status

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
        rows = [branch for branch in branches if everything or branch.verdict is not Verdict.UNCHANGED]
        table = plain_table("branch", "verdict", "what happened")
        shown = rows if everything else _most_telling(rows)
        for branch in shown:
            colour = COLOURS[branch.verdict]
            table.add_row(safe(branch.step.branch.name), f"[{colour}]{branch.verdict.value}[/]", safe(_story(branch)))
        out.print(table)
        if len(shown) < len(rows):
            out.print(f"[dim]and {len(rows) - len(shown)} more; git align show {report.run.id} -v lists all[/]")
    _show_held_back(out, report, everything)
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
    advice.show(out, advice.after_run(report, typed, is_new=is_new))


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
        if outcome.climbed:
            parts.append(f"by {outcome.rung}, since {'; '.join(outcome.climbed)}")
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


def show_proofs(out: Console, proofs: Sequence[Proof], *, everything: bool = False) -> None:
    """Which certificates hold, and what is wrong with the others."""
    shown = proofs if everything else [proof for proof in proofs if not proof.holds]
    for proof in shown:
        one = proof.certificate
        word = "[green]proved[/]" if proof.holds else "[red]not proved[/]"
        out.print(f"{safe(branch_of(one.ref))}: {word}; {proof.standing}")
        how = f" ({one.how.value})" if one.checks else ""
        out.print(f"  {one.before[:12]} on {one.onto[:12]} gave {one.after[:12]}{how}")
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
    out.print(f"{many(len(proofs), 'branch', 'branches')}: {held} proved, {len(proofs) - held} not")


def show_moves(out: Console, publications: Sequence[Publication], *, tense: str = "") -> None:
    """Ref moves and pushes, made or intended."""
    if not publications:
        out.print("nothing to do")
        return
    moves = [one for one in publications if one.state is not MoveState.STANDS]
    table = plain_table("branch", "state", "from", "to", "")
    for one in moves:
        state = tense if tense and one.state is MoveState.INTENDED else one.state.value.replace("_", " ")
        table.add_row(
            safe(branch_of(one.update.ref)), state, _at(one.update.before), _at(one.update.after), safe(one.detail)
        )
    if moves:
        out.print(table)
    _show_pushes(out, publications, tense=tense)


def _at(oid: Oid) -> str:
    """Where a branch stands, in short; a word where it is not there."""
    return "not there" if is_zero(oid) else oid[:12]


def _show_pushes(out: Console, publications: Sequence[Publication], *, tense: str) -> None:
    """What went to remotes, or is to."""
    pushed = [one for one in publications if one.push is not PushState.NOT_ASKED and one.remote is not None]
    if not pushed:
        return
    table = plain_table("remote branch", "push", "from", "to", "")
    for one in pushed:
        is_open = bool(tense) and one.push is PushState.UNKNOWN
        state = "would be pushed" if is_open else one.push.value.replace("_", " ")
        table.add_row(
            safe(place_words(one.remote or "", one.pushed_ref)),
            state,
            _at(one.remote_before) if one.remote_before else "",
            _at(one.pushed_oid),
            "" if is_open else safe(one.push_detail),
        )
    out.print(table)


def show_runs(out: Console, runs: Sequence[RunRecord], *, everything: bool = False) -> None:
    """Every run, newest first. An id begins with the time of its start (UTC)."""
    if not runs:
        out.print("nothing was run here yet. [bold]next:[/] git align plan")
        return
    started = ("started",) if everything else ()
    table = plain_table("run", "what", *started, "outcome", "branches", "moved", "", right=("branches", "moved"))
    for run in runs:
        remarks = [f"undoes {run.undoes}"] if run.undoes else []
        remarks += [f"{run.pushed} on a remote"] if run.pushed else []
        if run.undone_by:
            part = "" if run.undone == run.moved else f"{run.undone} of {run.moved} "
            remarks.append(f"{part}undone by {run.undone_by}")
        when = (f"{run.started_at:%Y-%m-%d %H:%M:%S}Z",) if everything else ()
        table.add_row(run.id, run.kind.value, *when, run.outcome, str(run.total), str(run.moved), "; ".join(remarks))
    out.print(table)


def show_status(out: Console, status: Status) -> None:
    """Where a repository stands and what to type next."""
    out.print(f"[bold]{safe(status.repository)}[/]")
    why = {note.name: note.why for note in status.target_notes}
    for target in status.targets:
        reason = f": {safe(why[target.name])}" if why.get(target.name) else ""
        out.print(f"  target {safe(target.name)} ({target.oid[:10]}){reason}")
    for note in status.target_notes:
        if note.words:
            out.print(f"  [yellow]{safe(note.words)}[/]" if note.is_diverged else f"  {safe(note.words)}")
    if status.fault:
        out.print(f"  [red]{safe(status.fault)}[/]")
    out.print(f"  {status.to_align} branches to align, {status.up_to_date} up to date, {status.excluded} left out")
    if status.merged:
        out.print(
            f"  {many(status.merged, 'branch is', 'branches are')} merged: git align prune --merged", markup=False
        )
    for remote, count in status.only_on_remotes:
        out.print(f"  {elsewhere(remote, count)}", markup=False)
    if status.last is not None:
        pushed = f", {status.last.pushed} on a remote" if status.last.pushed else ""
        out.print(f"  last run: {status.last.id}, {status.last.outcome}, {status.last.moved} moved{pushed}")
    for run in status.unfinished:
        out.print(f"  [yellow]unfinished: {run.id} ({run.state.value})[/]")
    if status.next_command:
        out.print(f"[bold]next:[/] {safe(status.next_command)}")


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


def show_under_way(console: Console, record: RunRecord) -> None:
    """One line about a run that another process is carrying out, and what to type when that process is gone."""
    host, _, rest = record.owner.partition("|")
    pid = rest.split("|")[1] if rest.count("|") > 0 else "unknown"
    console.print(safe(f"run {record.id} is under way: process {pid} on {host}"))
    console.print(safe(f"when that process is gone for certain: git align resume --take-over {record.id}"))
