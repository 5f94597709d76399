"""A report as SARIF 2.1.0: findings and conflicts with file and line, for pages that show code scanning results."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any
from urllib.parse import quote

from gitalign.core.findings import Severity
from gitalign.core.forecast import BranchForecast, Forecast, Prospect
from gitalign.core.names import display
from gitalign.core.outcome import conflict_of
from gitalign.core.report import BranchReport, Report, alignable_point_in_short
from gitalign.core.rules import Compliance, Demand, Spot, Verdict
from gitalign.release import VERSION

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_DEMANDS = {Demand.MUST: "error", Demand.SHOULD: "warning", Demand.MAY: "note"}
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


_LEVEL_ORDER = ("error", "warning", "note")
MOST_RESULTS = 25_000
MOST_GZIPPED_BYTES = 10_000_000
"""What GitHub takes of one run (it shows the first 5,000, by severity); of an upload, compressed.

Source: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""
_MOST_CHARACTERS = 2_000
_NOWHERE = "."
"""For results without a path: GitHub refuses a result without a location."""


def sarif(report: Report) -> str:
    """The document: one run of one tool, a result for each finding and each conflicted path; the weightiest where there are too many."""
    found = [result for branch in report.branches() for result in _results(branch)]
    return _document(found, f"git-align/{report.run.id}")


def forecast_sarif(forecast: Forecast) -> str:
    """A forecast: a result for each path at which a branch would stop, and for each branch that needs a person for another reason."""
    return _document([result for branch in forecast.branches for result in _foreseen(branch)], "git-align/forecast")


def _document(found: list[dict[str, Any]], category: str) -> str:
    found.sort(key=lambda result: _LEVEL_ORDER.index(result["level"]))
    kept = min(len(found), MOST_RESULTS)
    while True:
        written = _written(found[:kept], category, left_out=len(found) - kept)
        if kept < 2 or len(gzip.compress(written.encode("utf-8"), 6)) <= MOST_GZIPPED_BYTES:
            return written
        kept //= 2


def _written(results: list[dict[str, Any]], category: str, *, left_out: int) -> str:
    rules = sorted({result["ruleId"] for result in results})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "git-align",
                "version": VERSION,
                "rules": [{"id": rule, "shortDescription": {"text": rule.replace("_", " ")}} for rule in rules],
            }
        },
        "automationDetails": {"id": category},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if left_out:
        words = f"{left_out} further results of less weight are left out: GitHub takes {MOST_RESULTS} of a run"
        notice = {"level": "warning", "message": {"text": words}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [notice]}]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, separators=(",", ":")) + "\n"


def _foreseen(one: BranchForecast) -> list[dict[str, Any]]:
    name, target = display(one.branch), display(one.target)
    if one.prospect is Prospect.CONFLICT:
        where = f" at commit {one.position} of {one.total}" if one.commit else ""
        return [
            _result(
                "merge_conflict",
                "warning",
                f"{name}: {conflict.kind} with {target}{where}",
                (path, None),
                (name, target),
            )
            for conflict in one.conflicts
            for path in conflict.paths
        ]
    if one.prospect in (Prospect.CLEAN, Prospect.UNCHANGED):
        return []
    return [
        _result(f"branch_{one.prospect.value}", "note", f"{name}: {display(one.reason)}", (None, None), (name, target))
    ]


def _results(branch: BranchReport) -> list[dict[str, Any]]:
    outcome = branch.result.outcome
    name = display(branch.step.branch.name)
    names = (name, display(branch.step.target.name))
    found: list[dict[str, Any]] = []
    stopped = conflict_of(outcome)
    if stopped is not None:
        far = alignable_point_in_short(stopped.alignable_point)
        far = f"; {display(far)}" if far else ""
        found += [
            _result(
                "merge_conflict",
                "error",
                f"{name}: {conflict.kind} with {display(branch.step.target.name)} at commit {stopped.position} of {stopped.total}{far}",
                (path, None),
                names,
            )
            for conflict in stopped.conflicts
            for path in conflict.paths
        ]
    found += [
        _result(
            finding.code,
            _LEVELS[finding.severity],
            f"{name}: {display(finding.message)}",
            (finding.path, finding.line),
            names,
            introduced_by=finding.introduced_by,
        )
        for finding in getattr(outcome, "findings", ())
    ]
    if branch.result.compliance is not None:
        found += _house_rules(branch, branch.result.compliance)
    return found


def _house_rules(branch: BranchReport, judged: Compliance) -> list[dict[str, Any]]:
    """What failed, by the weight of the rule; what could not be judged is a note, whatever it weighs."""
    name = display(branch.step.branch.name)
    names = (name, display(branch.step.target.name))
    found: list[dict[str, Any]] = []
    for one in judged.results:
        if one.verdict not in (Verdict.FAILED, Verdict.UNKNOWN):
            continue
        level = _DEMANDS[one.severity] if one.verdict is Verdict.FAILED else "note"
        for spot in one.spots or (Spot(None, None, one.details),):
            words = f"{name}: {display(one.name)}: {display(spot.message)}"
            found.append(_result(f"house_rules.{one.pack}.{one.id}", level, words, (spot.path, spot.line), names))
    return found


def _result(
    rule: str,
    level: str,
    words: str,
    place: tuple[str | None, int | None],
    names: tuple[str, str],
    *,
    introduced_by: str | None = None,
) -> dict[str, Any]:
    """One result; `place` is path and line, `names` are branch and target."""
    path, line = place
    properties = {"branch": names[0], "target": names[1]}
    if introduced_by is not None:
        properties["introducedBy"] = introduced_by
    made: dict[str, Any] = {
        "ruleId": rule,
        "level": level,
        "message": {"text": words if len(words) <= _MOST_CHARACTERS else f"{words[:_MOST_CHARACTERS]}…"},
        "properties": properties,
        # Two branches with the same fault in the same line are two results.
        "partialFingerprints": {"gitAlign/v1": _fingerprint(rule, *names, path or "", words)},
    }
    # A URI reference, so that every byte of a name survives.
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/") if path is not None else _NOWHERE
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if line is not None:
        location["region"] = {"startLine": line}
    made["locations"] = [{"physicalLocation": location}]
    return made


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
