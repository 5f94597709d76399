"""One branch of a run in full, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.report import COLOURS, is_old, where
from gitalign.cli.rendering.rules import show_rule
from gitalign.cli.rendering.tables import safe
from gitalign.core.conflict import AppliedResolution
from gitalign.core.emptied import why_dropped
from gitalign.core.findings import Finding
from gitalign.core.names import branch_of
from gitalign.core.outcome import Aligned, Conflicted, Failed, Refused
from gitalign.core.plan import Step
from gitalign.core.publication import Publication, PushState
from gitalign.core.push import place_words
from gitalign.core.report import BranchReport, Report, alignable_point_in_words
from gitalign.core.rules import Compliance
from gitalign.core.validation import Validation

if TYPE_CHECKING:
    from rich.console import Console

_OUTPUT_LINES = 20


def show_branch(out: Console, report: Report, branch: BranchReport) -> None:
    """Everything known of one branch in one run."""
    step, outcome = branch.step, branch.result.outcome
    out.print(
        f"[bold]{safe(step.branch.name)}[/] in run {report.run.id}: [{COLOURS[branch.verdict]}]{branch.verdict.value}[/]"
    )
    out.print(f"  target     {safe(step.target.name)} at {step.onto} ({safe(step.branch.reason)})")
    out.print(f"  was at     {step.seen}, {step.own_commits} own commits, {step.behind} behind")
    for note in step.notes:
        out.print(f"  note       {safe(note)}")
    if branch.detail:
        out.print(f"  because    {safe(branch.detail)}")
    match outcome:
        case Aligned():
            _show_aligned(out, step, outcome)
        case Failed():
            _show_resolved(out, outcome.resolved)
            _show_findings(out, outcome.findings)
            if outcome.hint:
                out.print(f"  next       {safe(outcome.hint)}")
        case Conflicted():
            _show_conflict(out, outcome)
        case Refused():
            if outcome.hint:
                out.print(f"  next       {safe(outcome.hint)}")
        case _:
            pass
    _show_validation(out, branch.result.validation)
    if branch.result.compliance is not None:
        _show_compliance(out, branch.result.compliance)
    if branch.publication is not None:
        _show_publication(out, branch.publication)


def _show_aligned(out: Console, step: Step, outcome: Aligned) -> None:
    if step.integration is not None:
        was = f", was at {step.integration_seen}" if step.integration_seen else ""
        out.print(f"  made       {safe(step.integration)} at {outcome.after}{was}; the branch stays")
    else:
        out.print(f"  is now     {outcome.after} ({outcome.how.value})")
    if outcome.strategy_used:
        out.print(f"  strategy   {outcome.strategy_used}")
    for tried in outcome.strategies_tried:
        out.print(f"  tried      {safe(tried)}")
    for rewrite in outcome.rewritten:
        out.print(f"    {rewrite.old[:12]} -> {rewrite.new[:12]}")
    for drop in outcome.dropped:
        same = f", same patch as {drop.upstream[:12]}" if drop.upstream else ""
        out.print(f"    {drop.oid[:12]} dropped: {why_dropped(drop, outcome.resolved)}{same}  {safe(drop.subject)}")
    _show_resolved(out, outcome.resolved)
    _show_findings(out, outcome.findings)
    if outcome.stopped_by is not None:
        _show_conflict(out, outcome.stopped_by)


def _show_compliance(out: Console, compliance: Compliance) -> None:
    out.print(f"  house rules {safe(compliance.words)} ({safe(', '.join(compliance.packs))})")
    for result in compliance.results:
        if not result.is_compliant:
            show_rule(out, result)


def _show_publication(out: Console, publication: Publication) -> None:
    out.print(
        f"  published  {publication.state.value}"
        + (f", backup {safe(branch_of(publication.backup_ref))}" if publication.backup_ref else "")
    )
    if publication.push is not PushState.NOT_ASKED:
        where = place_words(publication.remote or "", publication.pushed_ref)
        words = publication.push.value.replace("_", " ")
        out.print(f"  push       {safe(where)}: {words}" + _because(publication.push_detail))


def _because(words: str) -> str:
    return f"  ({safe(words)})" if words else ""


def _show_conflict(out: Console, outcome: Conflicted) -> None:
    if outcome.commit is not None:
        out.print(
            f"  stopped at commit {outcome.position} of {outcome.total}: {outcome.commit} {safe(outcome.subject)}"
        )
    if outcome.recreating is not None:
        out.print("  recreating this merge on what its parents became is what stopped")
    if outcome.on_the_way is not None:
        out.print(f"  on the way to the target's tip, at its commit {outcome.on_the_way}")
    for tried in outcome.strategies_tried:
        out.print(f"  tried      {safe(tried)}")
    for conflict in outcome.conflicts:
        out.print(f"    {safe(conflict.kind)}: {safe(', '.join(conflict.paths))}")
    for entry in outcome.entries:
        out.print(f"    stage {entry.stage} {entry.mode} {entry.oid[:12]} {safe(entry.path)}")
    for known in outcome.known_resolutions:
        out.print(f"  known      {safe(known.path)}: git align resolutions show {safe(known.conflict[:12])}")
    for words in outcome.unresolved:
        out.print(f"  undecided  {safe(words)}")
    for line in alignable_point_in_words(outcome.alignable_point):
        out.print(f"  {safe(line)}")
    out.print("  to reproduce the conflict:")
    for command in outcome.reproduce:
        out.print(f"    {safe(command)}", soft_wrap=True)  # to be pasted


def _show_findings(out: Console, findings: Sequence[Finding]) -> None:
    for finding in [one for one in findings if not is_old(one)]:
        whose = f" (from the {finding.introduced_by})" if finding.introduced_by else ""
        words = safe(f"{where(finding)}{finding.message}{whose}")
        out.print(f"  finding    {finding.severity.value} {finding.code}: {words}")
    for finding in filter(is_old, findings):
        words = safe(f"{where(finding)}{finding.message}")
        out.print(f"  [dim]in target  {finding.severity.value} {finding.code}: {words}[/]")


def _show_resolved(out: Console, resolved: Sequence[AppliedResolution]) -> None:
    for one in resolved:
        by = f" by {safe(one.recorded_by)}" if one.recorded_by else ""
        at = f" in {one.commit[:12]}" if one.commit else ""
        out.print(f"  resolved   {safe(one.path)}{at}: conflict {safe(one.conflict[:12])}, {safe(one.source)}{by}")


def _show_validation(out: Console, validation: Validation) -> None:
    for check in validation.checks:
        words = check.status.value.replace("_", " ")
        why = f": {safe(check.reason)}" if check.reason else ""
        out.print(f"  check      {safe(check.name)} {words}{why}  ({check.duration_s:.1f} s)")
        if check.refuses:
            for line in check.output.splitlines()[-_OUTPUT_LINES:]:
                out.print(f"    | {safe(line)}")
    if validation.reason:
        out.print(f"  checks     {validation.status.value}: {safe(validation.reason)}")
    if validation.confinement:
        out.print(f"  confined   {safe(validation.confinement)}")
