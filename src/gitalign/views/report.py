"""A report as a page: totals, a timeline of the workers, tables, and a page per branch with its diff of diffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitalign.core.events import Event, EventKind
from gitalign.core.names import display
from gitalign.core.outcome import conflict_of
from gitalign.core.report import BranchReport, Report, furthest_in_words, ladder_in_words
from gitalign.core.rules import Compliance, Spot
from gitalign.document.summary import Summary, summary_document
from gitalign.views.page import page

_OUTPUT_LINES = 60
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
) -> str:
    """The page of a run; the same run gives the same page.

    Args:
        report: of the run.
        name: of the repository.
        summaries: of its branches; those without one have a short page.
        timeline: who worked when.
        range_diffs: by branch name, how rewritten commits differ from what they were.
    """
    told = {one.branch: summary_document(one) for one in summaries}
    data = {
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
        "targets": [{"name": display(one.name), "tip": one.oid} for one in report.plan.targets],
        "branches": [_branch(one, told.get(one.step.branch.name), range_diffs) for one in report.branches()],
        "timeline": [
            [display(one.branch), one.worker, round(one.start_s, 4), round(one.duration_s, 4)] for one in timeline
        ],
        "excluded": [[display(one.branch), display(one.reason)] for one in report.plan.excluded],
    }
    return page("report", title=f"{display(name)} - run {report.run.id}", data=data)


def _branch(one: BranchReport, told: Mapping[str, Any] | None, range_diffs: Mapping[str, str]) -> dict[str, Any]:
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
        "checks": [
            [
                display(check.name),
                check.status.value,
                display(check.reason),
                round(check.duration_s, 3),
                display(" ".join(check.command)),
                [display(line) for line in check.output.splitlines()[-_OUTPUT_LINES:]],
            ]
            for check in one.result.validation.checks
        ],
        "backup": one.publication.backup_ref if one.publication is not None else None,
        "conflicts": [
            [conflict.kind, [display(path) for path in conflict.paths]]
            for conflict in getattr(stopped, "conflicts", ())
        ],
        "furthest": [display(line) for line in furthest_in_words(getattr(stopped, "furthest", None))],
        "ladder": [display(line) for line in ladder_in_words(outcome)],
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
        "commits": [
            [commit["old"], commit["new"], commit["patch"], display(commit["author"]), display(commit["subject"])]
            for commit in (told["commits"] if told else ())
        ],
        "files": [
            [display(file["path"]), file["status"], file["added"], file["deleted"]]
            for file in (told["files"] if told else ())
        ],
        "shared": [display(path) for path in (told["also_changed_by_the_target"] if told else ())],
        "dropped": [
            [drop["commit"], drop["reason"], display(drop["subject"])] for drop in (told["dropped"] if told else ())
        ],
        "rules": _house_rules(one.result.compliance),
        "range_diff": [display(line.expandtabs(4)) for line in range_diffs.get(one.step.branch.name, "").splitlines()],
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
                [display(_place(spot)) for spot in one.spots[:_MOST_SPOTS]],
            ]
            for one in found.results
        ],
    }


def _place(spot: Spot) -> str:
    where = "" if spot.path is None else f"{spot.path}:{spot.line}: " if spot.line else f"{spot.path}: "
    return where + spot.message
