"""A report as Markdown: totals, targets, what needs a person, findings, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gitalign.core.emptied import why_dropped
from gitalign.core.markup import markdown
from gitalign.core.outcome import Aligned, Furthest, Untold, conflict_of
from gitalign.core.report import SUCCESSES, BranchReport, Report, Verdict, ladder_in_words
from gitalign.core.rules import Verdict as RuleVerdict
from gitalign.core.run import RunKind
from gitalign.core.validation import CheckStatus

_KINDS = {RunKind.ALIGN: "Alignment", RunKind.UNDO: "Undo", RunKind.PUSH: "Push"}


def report_markdown(report: Report) -> str:
    """The document."""
    lines = [f"# Run {markdown(report.run.id)}", ""]
    counts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in report.counts().items())
    lines += [
        f"{_KINDS[report.run.kind]} of {report.executed_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"{report.total_s:.1f} s: {counts or 'no branch'}. Outcome: {markdown(report.run.outcome)}.",
        "",
        "| target | at | aligned | unchanged | conflicted | other |",
        "|---|---|---:|---:|---:|---:|",
    ]
    by_target = report.by_target()
    for target in report.plan.targets:
        found = Counter(branch.verdict for branch in by_target.get(target.name, ()))
        other = sum(found.values()) - sum(found[one] for one in (*SUCCESSES, Verdict.CONFLICTED))
        lines.append(
            f"| {markdown(target.name)} | `{target.oid[:12]}` | {found[Verdict.ALIGNED]} | {found[Verdict.UNCHANGED]} "
            f"| {found[Verdict.CONFLICTED]} | {other} |"
        )
    attention = [branch for branch in report.branches() if branch.verdict not in SUCCESSES]
    lines += _branches("Need a person", attention)
    lines += _furthest(attention)
    contested = Counter(
        path for branch in attention for path in getattr(conflict_of(branch.result.outcome), "paths", ())
    )
    if contested:
        lines += ["", "## Most contested paths", "", "| branches | path |", "|---:|---|"]
        lines += [
            f"| {count} | {markdown(path)} |"
            for path, count in sorted(contested.items(), key=lambda one: (-one[1], one[0]))[:30]
        ]
    findings = [
        (branch, finding) for branch in report.branches() for finding in getattr(branch.result.outcome, "findings", ())
    ]
    if findings:
        lines += [
            "",
            "## Findings",
            "",
            "| branch | severity | code | where | from | what |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {markdown(branch.step.branch.name)} | {finding.severity.value} | {finding.code} "
            f"| {markdown(finding.path or '')}{f':{finding.line}' if finding.line else ''} | {finding.introduced_by or ''} "
            f"| {markdown(finding.message)} |"
            for branch, finding in findings
        ]
    lines += _validation(report)
    lines += _house_rules(report.branches())
    lines += _left_out(report.branches())
    lines += _branches("Aligned", [branch for branch in report.branches() if branch.verdict is Verdict.ALIGNED])
    moved = sum(one.state.value == "moved" for one in report.publications)
    lines += ["", "## Time and rollback", ""]
    lines += [f"- {name}: {seconds:.2f} s" for name, seconds in report.phases]
    lines += [f"- peak memory: {report.peak_memory_bytes / 1e6:.0f} MB"] if report.peak_memory_bytes else []
    lines += [f"- {markdown(notice)}" for notice in report.notices]
    if report.run.undone_by:
        lines.append(f"- undone by run {markdown(report.run.undone_by)}")
    elif moved:
        lines.append(f"- {moved} branches moved; `git align undo {report.run.id}` puts them back")
    return "\n".join(lines) + "\n"


def _furthest(branches: Sequence[BranchReport]) -> list[str]:
    """How far conflicting branches align, and whom to talk to."""
    told = [
        (branch.step.branch.name, found)
        for branch in branches
        if isinstance(found := getattr(conflict_of(branch.result.outcome), "furthest", None), Furthest | Untold)
    ]
    if not told:
        return []
    rows = []
    for branch, found in told:
        if isinstance(found, Untold):
            rows.append(f"| {markdown(branch)} | | | | {markdown(found.reason)} |")
            continue
        far = f"`{found.clean[:12]}`, {found.gained} of {found.gained + found.ahead}"
        by = f"{'merge ' if found.is_merge else ''}`{found.broken[:12]}` {markdown(found.subject)}"
        mine = f"`{found.commit[:12]}` {markdown(found.commit_subject)}" if found.commit else "the whole branch"
        rows.append(f"| {markdown(branch)} | {far} | {by} | {markdown(found.author)} | {mine} |")
    head = ["| branch | aligns up to | first broken by | whose | clashes with |", "|---|---|---|---|---|"]
    return ["", "## As far as possible", "", *head, *rows]


def _validation(report: Report) -> list[str]:
    checked = [branch for branch in report.branches() if branch.result.validation.checks]
    if not checked:
        return []
    statuses = Counter(branch.result.validation.status.value for branch in checked)
    confined = sorted({branch.result.validation.confinement for branch in checked} - {""})
    telling = [
        (branch, check)
        for branch in checked
        for check in branch.result.validation.checks
        if check.status not in (CheckStatus.PASSED, CheckStatus.SKIPPED)
    ]
    lines = ["", "## Validation", ""]
    lines += [f"- {len(checked)} branches checked: " + ", ".join(f"{n} {one}" for one, n in sorted(statuses.items()))]
    lines += [f"- {markdown(one)}" for one in confined]
    if telling:
        lines += ["", "| branch | check | ended as | why | s |", "|---|---|---|---|---:|"]
    lines += [
        f"| {markdown(branch.step.branch.name)} | {markdown(check.name)} | {check.status.value.replace('_', ' ')} "
        f"| {markdown(check.reason)} | {check.duration_s:.1f} |"
        for branch, check in telling
    ]
    return lines


def _house_rules(branches: Sequence[BranchReport]) -> list[str]:
    judged = [(branch, one) for branch in branches if (one := branch.result.compliance) is not None]
    if not judged:
        return []
    judged.sort(key=lambda pair: not pair[1].needs_attention)
    rows = []
    for branch, found in judged:
        wanting = [one for one in found.results if one.verdict in (RuleVerdict.FAILED, RuleVerdict.UNKNOWN)]
        told = ", ".join(f"{one.severity.value.upper()} {markdown(one.id)} {one.verdict.value}" for one in wanting)
        rows.append(f"| {markdown(branch.step.branch.name)} | {found.words} | {len(found.critical)} | {told} |")
    packs = markdown(", ".join(judged[0][1].packs))
    head = ["| branch | band | critical | failed or unknown |", "|---|---|---:|---|"]
    return ["", "## House rules", "", f"By {packs}.", "", *head, *rows]


def _left_out(branches: Sequence[BranchReport]) -> list[str]:
    """Commits that are in no result: each with its reason, and the commit of the target that has the same patch."""
    rows = [
        f"| {markdown(branch.step.branch.name)} | `{drop.oid[:12]}` | {markdown(drop.subject)} "
        f"| {markdown(why_dropped(drop, branch.result.outcome.resolved))} | {f'`{drop.upstream[:12]}`' if drop.upstream else ''} |"
        for branch in branches
        if isinstance(branch.result.outcome, Aligned)
        for drop in branch.result.outcome.dropped
    ]
    if not rows:
        return []
    head = ["| branch | commit | subject | why | same patch as |", "|---|---|---|---|---|"]
    return ["", "## Commits left out", "", *head, *rows]


def _branches(title: str, branches: Sequence[BranchReport]) -> list[str]:
    if not branches:
        return []
    rows = [
        f"| {markdown(branch.step.branch.name)} | {markdown(branch.step.target.name)} | {branch.verdict.value.replace('_', ' ')} "
        f"| {markdown('; '.join(filter(None, (branch.detail, *ladder_in_words(branch.result.outcome)))))} |"
        for branch in branches
    ]
    return ["", f"## {title}", "", "| branch | target | verdict | why |", "|---|---|---|---|", *rows]
