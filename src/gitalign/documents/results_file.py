"""The results file, key for key as the orchestrator's specification has it (`schemas/results.schema.json`)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from gitalign.core.exclusions import Exclusion
from gitalign.core.outcome import Aligned, Failed, Unchanged, conflict_of
from gitalign.core.report import SUCCESSES, BranchReport, Report, Verdict

_SKIPPED = frozenset({Verdict.SKIPPED})
_ABORTED = frozenset({Verdict.CANCELLED, Verdict.NOT_PUBLISHED})
_NO_TARGET = "unassigned"
_BY_STAGE = {
    "integrate": "failed_integration",
    "conserve": "failed_integration",
    "publish": "failed_integration",
    "detect": "failed_error_detection",
    "validate": "failed_validation",
    "document": "exception",
    "engine": "exception",
}


def results_document(report: Report) -> dict[str, Any]:
    """The results of a run, without the name and version that the file has.

    Every branch of a branch list is there: one that could not take part as `exception` or `skipped`, with its reason.
    `processed_branches` counts branches that came to an end (successful + failed); skipped and aborted ones are counted
    beside it. Conflicts are `failed_integration` with the code `merge_conflict_unresolvable`, also where the branch went
    part of the way: the format knows no third thing, and the rich report tells of that.
    """
    groups: dict[str, Any] = {}
    successful = failed = 0
    made = {target: [_entry(branch) for branch in branches] for target, branches in report.by_target().items()}
    for one in report.plan.excluded:
        if one.was_asked_for:
            made.setdefault(one.target or _NO_TARGET, []).append(_left_out(one))
    for target, entries in made.items():
        good = sum(entry["status"] == "completed" for entry in entries)
        skipped = sum(entry["status"] in ("skipped", "aborted") for entry in entries)
        bad = len(entries) - good - skipped
        groups[target] = {
            "target_branch": target,
            "processed_branches": good + bad,
            "successful": good,
            "failed": bad,
            "skipped": skipped,
            "branches": entries,
        }
        successful += good
        failed += bad
    return {
        "orchestration_results": groups,
        "overall_summary": {
            "total_branches_processed": successful + failed,
            "total_successful": successful,
            "total_failed": failed,
            "total_time_seconds": round(report.total_s, 3),
            "circuit_breaker_triggered": report.breaker_tripped,
            "execution_timestamp": report.executed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def _left_out(one: Exclusion) -> dict[str, Any]:
    return {
        "branch_name": one.branch,
        "status": "exception" if one.is_wrong else "skipped",
        "integration_time_seconds": 0.0,
        "errors_detected": [one.code.value],
        "error_message": one.reason,
    }


def _entry(branch: BranchReport) -> dict[str, Any]:
    result = branch.result
    status = _status(branch)
    entry: dict[str, Any] = {
        "branch_name": branch.step.branch.name,
        "status": status,
        "integration_time_seconds": round(result.duration_s, 6),
        "errors_detected": _errors(branch) if status != "completed" else [],
    }
    if status == "completed":
        is_unchanged = isinstance(result.outcome, Unchanged)
        entry["changes_summary"] = result.summary or ("nothing changed" if is_unchanged else result.documentation)
    else:
        entry["error_message"] = branch.detail or branch.verdict.value
    return entry


def _status(branch: BranchReport) -> str:
    if branch.verdict in SUCCESSES:
        return "completed"
    if branch.verdict in _SKIPPED:
        return "skipped"
    if branch.verdict in _ABORTED:
        return "aborted"
    outcome = branch.result.outcome
    if isinstance(outcome, Failed):
        return _BY_STAGE[outcome.stage]
    return "failed_integration"


def _errors(branch: BranchReport) -> list[str]:
    outcome = branch.result.outcome
    if conflict_of(outcome) is not None and branch.verdict in (Verdict.CONFLICTED, Verdict.PARTLY_ALIGNED):
        return ["merge_conflict_unresolvable"]
    if isinstance(outcome, Aligned):
        return [branch.verdict.value]
    codes = [outcome.code] if hasattr(outcome, "code") else [branch.verdict.value]
    if isinstance(outcome, Failed):
        codes += [finding.code for finding in outcome.findings]
    return list(dict.fromkeys(codes))
