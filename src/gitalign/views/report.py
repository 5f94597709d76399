"""A report as a page: what to do first, totals, a timeline of the workers, tables, and a page per branch with its diff of diffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitalign.core.attention import needs_attention
from gitalign.core.events import Event, EventKind
from gitalign.core.first_steps import FirstSteps, Landed, first_steps
from gitalign.core.forecast import Owner
from gitalign.core.names import display
from gitalign.core.outcome import Aligned, conflict_of
from gitalign.core.outlook import Aftermath, Published
from gitalign.core.report import BranchReport, Report, alignable_point_in_words, strategies_in_words
from gitalign.core.rules import Compliance, Spot
from gitalign.core.run import RunKind
from gitalign.core.validation import CheckResult
from gitalign.documents.summaries import dump_summary
from gitalign.documents.summary import Summary
from gitalign.views.moves import rows_here, rows_on_remotes
from gitalign.views.page import page
from gitalign.views.parts import Json, Tables, hosting_of, steps_data

_OUTPUT_LINES = 60
_STOP_HUNKS_BYTES = 350_000
_MOST_SPOTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a worker was busy with a branch, in seconds since the run began."""

    branch: str
    worker: int
    start_s: float
    duration_s: float


def timeline(events: Sequence[Event]) -> list[Span]:
    """When each worker was busy with which branch, as the events of a run tell it; in their order."""
    begun = next((event.at for event in events if event.kind is EventKind.RUN_STARTED), None)
    return [
        Span(
            branch=event.branch,
            worker=int(event.data.get("worker", 0)),
            start_s=(event.at - begun).total_seconds() - float(event.data.get("duration_s", 0)),
            duration_s=float(event.data.get("duration_s", 0)),
        )
        for event in events
        if begun is not None and event.kind is EventKind.STEP_FINISHED and event.branch is not None
    ]


def report_page(
    report: Report,
    *,
    name: str,
    summaries: Sequence[Summary],
    timeline: Sequence[Span],
    range_diffs: Mapping[str, str],
    after: Aftermath,
) -> str:
    """The page of a run; the same run gives the same page.

    Args:
        report: of the run.
        name: of the repository.
        summaries: of its branches; those without one have a short page.
        timeline: who worked when.
        range_diffs: by branch name, how rewritten commits differ from what they were.
        after: what can be said of the run beside its report.
    """
    tables = Tables.empty()
    data: Json = {
        "name": display(name),
        "run": report.run.id,
        "outcome": report.run.outcome,
        "undone_by": report.run.undone_by,
        "at": report.executed_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "total_s": round(report.total_s, 3),
        "memory": report.peak_memory_bytes,
        "notices": [display(one) for one in report.notices],
        "phases": [[phase, round(seconds, 4)] for phase, seconds in report.phases],
        "counts": report.counts(),
        "targets": [
            {"name": display(one.name), "tip": one.oid, "hosted": hosting_of(after.published, one.name, one.oid)}
            for one in report.plan.targets
        ],
        "branches": _branches(report, summaries, range_diffs, after, tables),
        "timeline": [
            [display(one.branch), one.worker, round(one.start_s, 4), round(one.duration_s, 4)] for one in timeline
        ],
        "moves": _moves(report),
        "excluded": [[display(one.branch), display(one.reason)] for one in report.plan.excluded],
        "steps": steps_data(steps_after(report, after), tables, as_of=report.executed_at)
        if report.run.kind is RunKind.ALIGN
        else None,
        "as_of": int(report.executed_at.timestamp()),
    }
    data |= tables.written(after.published)
    return page("report", title=f"{display(name)} - run {report.run.id}", data=data)


def _moves(report: Report) -> list[Json]:
    """Branches on remotes; for a run that aligns nothing those of the repository, too."""
    is_alignment = report.run.kind is RunKind.ALIGN
    here = [] if is_alignment else rows_here(report.publications)
    return [
        {
            "branch": display(one.branch),
            "what": one.what,
            "before": one.before,
            "after": one.after,
            "why": display(one.why),
        }
        for one in (*here, *rows_on_remotes(report.publications))
    ]


def _branches(
    report: Report, summaries: Sequence[Summary], range_diffs: Mapping[str, str], after: Aftermath, tables: Tables
) -> list[Json]:
    stops = {one.branch: one for one in after.stopped.hunks}
    branches = report.branches()
    hunks = tables.hunks(
        [
            (found.hunks, found.left_out) if (found := stops.get(one.step.branch.name)) is not None else ((), 0)
            for one in branches
        ],
        budget_bytes=_STOP_HUNKS_BYTES,
    )
    owners = {owner.branch: owner for owner in after.owners}
    remotes = dict(after.remotes)
    mates = {
        name: group.branches for group in after.stopped.groups if len(group.branches) > 1 for name in group.branches
    }
    summary_of = {one.branch: dump_summary(one) for one in summaries}
    return [
        {
            **_branch(one, summary_of.get(one.step.branch.name), range_diffs, tables),
            **_standing(one, owners.get(one.step.branch.name), after.published, tables),
            "hunks": found,
            "remote": remotes.get(one.step.branch.name),
            "mates": [display(name) for name in mates.get(one.step.branch.name, ())],
        }
        for one, found in zip(branches, hunks, strict=True)
    ]


def steps_after(report: Report, after: Aftermath) -> FirstSteps:
    """What to do first, after a run."""
    steps = first_steps(
        stopped={one.step.branch.name for one in report.branches() if conflict_of(one.result.outcome) is not None},
        work=after.stopped,
        owners=after.owners,
        landed=Landed(after.merged, after.squashed),
        remotes=dict(after.remotes),
        as_of=report.executed_at,
    )
    return replace(steps, attention=needs_attention(report))


def _standing(one: BranchReport, owner: Owner | None, published: Published | None, tables: Tables) -> Json:
    """Whose a branch is, and what a hosting service has of it."""
    outcome = one.result.outcome
    name = one.step.branch.name
    there = hosting_of(published, name, outcome.after) if isinstance(outcome, Aligned) else 0
    return {
        "authors": [tables.authors.number(author) for author in owner.authors] if owner is not None else [],
        "at": owner.last_commit_at if owner is not None else 0,
        "hosted": hosting_of(published, name, one.step.seen),
        "published": there == 2,
    }


def _branch(
    one: BranchReport, told: Mapping[str, Any] | None, range_diffs: Mapping[str, str], tables: Tables
) -> dict[str, Any]:
    outcome = one.result.outcome
    stopped = conflict_of(outcome)
    return {
        "name": display(one.step.branch.name),
        "target": display(one.step.target.name),
        "verdict": one.verdict.value,
        "detail": display(one.detail),
        "kind": one.step.kind.value,
        "own": one.step.own_commits,
        "behind": one.step.behind,
        "seconds": round(one.result.duration_s, 4),
        "phases": [[phase, round(seconds, 4)] for phase, seconds in one.result.phases],
        "before": one.step.seen,
        "after": getattr(outcome, "after", None),
        "detection": one.result.detection,
        "validation": one.result.validation.status.value,
        "confinement": display(one.result.validation.confinement),
        "checks": [_check(check) for check in one.result.validation.checks],
        "backup": one.publication.backup_ref if one.publication is not None else None,
        "conflicts": tables.conflicts(stopped.conflicts if stopped is not None else ()),
        "furthest": [display(line) for line in alignable_point_in_words(getattr(stopped, "alignable_point", None))],
        "ladder": [display(line) for line in strategies_in_words(outcome)],
        "reproduce": [display(step) for step in getattr(stopped, "reproduce", ())],
        "findings": [
            [
                finding.severity.value,
                finding.code,
                display(finding.path or ""),
                finding.line,
                finding.introduced_by,
                display(finding.message),
            ]
            for finding in getattr(outcome, "findings", ())
        ],
        **_summary(told),
        "rules": _house_rules(one.result.compliance),
        "range_diff": [display(line.expandtabs(4)) for line in range_diffs.get(one.step.branch.name, "").splitlines()],
    }


def _check(check: CheckResult) -> list[Any]:
    return [
        display(check.name),
        check.status.value,
        display(check.reason),
        round(check.duration_s, 3),
        display(" ".join(check.command)),
        _last_lines(check.output),
    ]


def _last_lines(output: str) -> list[str]:
    lines = output.splitlines()
    left_out = len(lines) - _OUTPUT_LINES
    more = [f"({left_out} lines before these are left out)"] if left_out > 0 else []
    return [*more, *map(display, lines[-_OUTPUT_LINES:])]


def _summary(summary: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the change summary says of commits and files; nothing where there is none."""
    if summary is None:
        return {"commits": [], "files": [], "shared": [], "dropped": []}
    return {
        "commits": [
            [commit["old"], commit["new"], commit["patch"], display(commit["author"]), display(commit["subject"])]
            for commit in (summary["commits"])
        ],
        "files": [
            [display(file["path"]), file["status"], file["added"], file["deleted"]] for file in (summary["files"])
        ],
        "shared": [display(path) for path in (summary["also_changed_by_the_target"])],
        "dropped": [[drop["commit"], drop["reason"], display(drop["subject"])] for drop in (summary["dropped"])],
    }


def _house_rules(found: Compliance | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "packs": display(", ".join(found.packs)),
        "words": found.words,
        "wanting": found.needs_attention,
        "results": [
            [
                one.severity.value,
                display(one.id),
                one.verdict.value,
                one.score,
                display(one.details),
                _places(one.spots),
            ]
            for one in found.results
        ],
    }


def _places(spots: Sequence[Spot]) -> list[str]:
    left_out = len(spots) - _MOST_SPOTS
    more = [f"and {left_out} more places"] if left_out > 0 else []
    return [*(display(_place(spot)) for spot in spots[:_MOST_SPOTS]), *more]


def _place(spot: Spot) -> str:
    where = "" if spot.path is None else f"{spot.path}:{spot.line}: " if spot.line else f"{spot.path}: "
    return where + spot.message
