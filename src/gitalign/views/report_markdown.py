"""A report as Markdown: what to do first, targets, what needs a person, findings, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.emptied import why_dropped
from gitalign.core.findings import Severity
from gitalign.core.markup import markdown
from gitalign.core.outcome import Aligned, conflict_of
from gitalign.core.outlook import Aftermath
from gitalign.core.publication import PushState
from gitalign.core.report import SUCCESSES, BranchReport, Report, Verdict, strategies_in_words, was_pushed
from gitalign.core.rules import Verdict as RuleVerdict
from gitalign.core.run import RunKind
from gitalign.core.validation import CheckStatus
from gitalign.views.bounded_markdown import (
    Section,
    author_and_age,
    bounded,
    branch_link,
    cell,
    first_section,
    row,
    table,
    target_commit,
)
from gitalign.views.moves_markdown import moves_here, moves_on_remotes
from gitalign.views.report import steps_after

_MOST_PATHS = 30
_MOST_LINES = 10
_KINDS = {
    RunKind.ALIGN: "Alignment",
    RunKind.UNDO: "Undo",
    RunKind.PUSH: "Push",
    RunKind.PRUNE: "Merged branches",
    RunKind.BATCH: "Batch",
    RunKind.MOVE: "Move",
}


def report_markdown(report: Report, after: Aftermath) -> str:
    """The document, short enough for a comment; what does not fit is counted.

    Args:
        report: of a run.
        after: what can be said of the run beside its report.
    """
    counts = ", ".join(f"{count:,} {verdict.replace('_', ' ')}" for verdict, count in report.counts().items())
    branches = report.branches()
    attention = [branch for branch in branches if branch.verdict not in SUCCESSES]
    aligned = [branch for branch in branches if branch.verdict is Verdict.ALIGNED or was_pushed(branch)]
    head = [
        f"# Run {markdown(report.run.id)}",
        "",
        f"{_KINDS[report.run.kind]} of {report.executed_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"{report.total_s:.1f} s: {counts or _branches_of(report)}. Outcome: {markdown(report.run.outcome)}.",
    ]
    if report.run.kind not in (RunKind.ALIGN, RunKind.UNDO):
        moves = (moves_here(report.publications), moves_on_remotes(report.publications))
        return bounded([Section("", head), *moves, _time(report)])
    return bounded(
        [
            Section("", head),
            *([first_section(steps_after(report, after), after.published)] if report.run.kind is RunKind.ALIGN else []),
            _targets(report, after),
            _branches("Need a person", attention, report, after),
            _furthest(attention),
            _contested(attention),
            _findings(branches),
            _validation(branches),
            _house_rules(branches),
            _left_out(branches),
            _branches("Aligned", aligned, report, after),
            _time(report),
        ]
    )


def _branches_of(report: Report) -> str:
    many = len(report.publications)
    return f"{many:,} {'branch' if many == 1 else 'branches'}" if many else "no branch"


def _targets(report: Report, after: Aftermath) -> Section:
    by_target = report.by_target()
    rows = []
    for target in report.plan.targets:
        found = Counter(branch.verdict for branch in by_target.get(target.name, ()))
        other = sum(found.values()) - sum(found[one] for one in (*SUCCESSES, Verdict.CONFLICTED))
        numbers = (found[Verdict.ALIGNED], found[Verdict.UNCHANGED], found[Verdict.CONFLICTED], other)
        rows.append(
            row(
                cell(target.name),
                target_commit(target.name, target.oid, after.published),
                *(f"{number:,}" for number in numbers),
            )
        )
    head = table(["target", "at", "aligned", "unchanged", "conflicted", "other"], (2, 3, 4, 5))
    return Section("Targets", head, rows, "targets")


def _contested(attention: Sequence[BranchReport]) -> Section:
    counts = Counter(path for branch in attention for path in getattr(conflict_of(branch.result.outcome), "paths", ()))
    rows = [row(f"{count:,}", cell(path)) for path, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    more = [row("", f"and {len(rows) - _MOST_PATHS} more paths")] if len(rows) > _MOST_PATHS else []
    head = table(["branches", "path"], (0,)) if rows else ()
    return Section("Most contested paths", head, rows[:_MOST_PATHS] + more, "paths")


def _findings(branches: Sequence[BranchReport]) -> Section:
    order = list(Severity)
    found = [(branch, finding) for branch in branches for finding in getattr(branch.result.outcome, "findings", ())]
    found.sort(key=lambda pair: order.index(pair[1].severity))
    rows = [
        row(
            cell(branch.step.branch.name),
            finding.severity.value,
            cell(finding.code),
            f"{cell(finding.path or '')}{f':{finding.line}' if finding.line else ''}",
            finding.introduced_by or "",
            cell(finding.message),
        )
        for branch, finding in found
    ]
    head = table(["branch", "severity", "code", "where", "from", "what"]) if rows else ()
    return Section("Findings", head, rows, "findings")


def _time(report: Report) -> Section:
    moved = sum(one.state.value == "moved" for one in report.publications)
    lines = [f"- {name}: {seconds:.2f} s" for name, seconds in report.phases]
    lines += [f"- peak memory: {report.peak_memory_bytes / 1e6:.0f} MB"] if report.peak_memory_bytes else []
    lines += [f"- processor time, git's included: {report.processor_s:.2f} s"] if report.processor_s else []
    if report.run.undone_by:
        lines.append(f"- undone by run {markdown(report.run.undone_by)}")
    elif moved:
        words = "1 branch moved; {} puts it back" if moved == 1 else f"{moved:,} branches moved; {{}} puts them back"
        there = any(one.push is PushState.PUSHED for one in report.publications)
        undo = f"`git align undo {'--push ' if there else ''}{report.run.id}`"
        lines.append(f"- {words.format(undo)}{', here and on the remote' if there else ''}")
    return Section("Time and rollback", lines, [f"- {cell(notice)}" for notice in report.notices], "notices")


def _furthest(branches: Sequence[BranchReport]) -> Section:
    """How far conflicting branches align, and whom to talk to."""
    told = [
        (branch.step.branch.name, found)
        for branch in branches
        if isinstance(
            found := getattr(conflict_of(branch.result.outcome), "alignable_point", None), AlignablePoint | Undetermined
        )
    ]
    rows = []
    for branch, found in told:
        if isinstance(found, Undetermined):
            rows.append(row(cell(branch), "", "", "", cell(found.reason)))
            continue
        far = f"`{found.clean[:12]}`, {found.advanced_by} of {found.advanced_by + found.remaining}"
        by = f"{'merge ' if found.is_merge else ''}`{found.broken[:12]}` {cell(found.subject)}"
        mine = f"`{found.commit[:12]}` {cell(found.commit_subject)}" if found.commit else "the whole branch"
        rows.append(row(cell(branch), far, by, cell(found.author), mine))
    head = table(["branch", "aligns up to", "first broken by", "whose", "clashes with"]) if rows else ()
    return Section("As far as possible", head, rows, "branches")


def _validation(branches: Sequence[BranchReport]) -> Section:
    checked = [branch for branch in branches if branch.result.validation.checks]
    if not checked:
        return Section()
    statuses = Counter(branch.result.validation.status.value for branch in checked)
    confined = sorted({branch.result.validation.confinement for branch in checked} - {""})
    lines = [f"- {len(checked):,} branches checked: " + ", ".join(f"{n} {one}" for one, n in sorted(statuses.items()))]
    lines += [f"- {cell(one)}" for one in confined[:_MOST_LINES]]
    lines += [f"- and {len(confined) - _MOST_LINES} more"] if len(confined) > _MOST_LINES else []
    rows = [
        row(
            cell(branch.step.branch.name),
            cell(check.name),
            check.status.value.replace("_", " "),
            cell(check.reason),
            f"{check.duration_s:.1f}",
        )
        for branch in checked
        for check in branch.result.validation.checks
        if check.status not in (CheckStatus.PASSED, CheckStatus.SKIPPED)
    ]
    head = ["", *table(["branch", "check", "ended as", "why", "s"], (4,))] if rows else []
    return Section("Validation", [*lines, *head], rows, "checks")


def _house_rules(branches: Sequence[BranchReport]) -> Section:
    judged = [(branch, one) for branch in branches if (one := branch.result.compliance) is not None]
    if not judged:
        return Section()
    judged.sort(key=lambda pair: not pair[1].needs_attention)
    rows = []
    for branch, found in judged:
        wanting = [one for one in found.results if one.verdict in (RuleVerdict.FAILED, RuleVerdict.UNKNOWN)]
        told = ", ".join(f"{one.severity.value.upper()} {one.id} {one.verdict.value}" for one in wanting)
        rows.append(row(cell(branch.step.branch.name), cell(found.words), f"{len(found.critical)}", cell(told)))
    head = table(["branch", "band", "critical", "failed or unknown"], (2,))
    return Section("House rules", [f"By {cell(', '.join(judged[0][1].packs))}.", "", *head], rows, "branches")


def _left_out(branches: Sequence[BranchReport]) -> Section:
    """Commits that are in no result: each with its reason, and the commit of the target that has the same patch."""
    rows = [
        row(
            cell(branch.step.branch.name),
            f"`{drop.oid[:12]}`",
            cell(drop.subject),
            cell(why_dropped(drop, branch.result.outcome.resolved)),
            f"`{drop.upstream[:12]}`" if drop.upstream else "",
        )
        for branch in branches
        if isinstance(branch.result.outcome, Aligned)
        for drop in branch.result.outcome.dropped
    ]
    head = table(["branch", "commit", "subject", "why", "same patch as"]) if rows else ()
    return Section("Commits left out", head, rows, "commits")


def _branches(title: str, branches: Sequence[BranchReport], report: Report, after: Aftermath) -> Section:
    owners = {owner.branch: owner for owner in after.owners}
    rows = [
        row(
            branch_link(branch.step.branch.name, after.published),
            cell(branch.step.target.name),
            *author_and_age(owners.get(branch.step.branch.name), after.published, report.executed_at),
            branch.verdict.value.replace("_", " "),
            cell("; ".join(filter(None, (branch.detail, *strategies_in_words(branch.result.outcome))))),
        )
        for branch in branches
    ]
    head = table(["branch", "target", "author", "days", "verdict", "why"], (3,)) if rows else ()
    return Section(title, head, rows, "branches")
