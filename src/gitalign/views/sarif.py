"""A report as SARIF 2.1.0: findings and conflicts with file and line, for pages that show code scanning results."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from gitalign.core.names import display
from gitalign.core.outcome import Severity, conflict_of
from gitalign.core.report import BranchReport, Report, furthest_in_short
from gitalign.core.rules import Compliance, Demand, Spot, Verdict
from gitalign.release import VERSION

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_DEMANDS = {Demand.MUST: "error", Demand.SHOULD: "warning", Demand.MAY: "note"}
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(report: Report) -> str:
    """The document: one run of one tool, a result for each finding and each conflicted path."""
    results = [result for branch in report.branches() for result in _results(branch)]
    rules = sorted({result["ruleId"] for result in results})
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "git-align",
                        "version": VERSION,
                        "rules": [{"id": rule, "shortDescription": {"text": rule.replace("_", " ")}} for rule in rules],
                    }
                },
                "automationDetails": {"id": f"git-align/{report.run.id}"},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _results(branch: BranchReport) -> list[dict[str, Any]]:
    outcome = branch.result.outcome
    name = display(branch.step.branch.name)
    found: list[dict[str, Any]] = []
    stopped = conflict_of(outcome)
    if stopped is not None:
        far = furthest_in_short(stopped.furthest)
        far = f"; {display(far)}" if far else ""
        found += [
            _result(
                "merge_conflict",
                "error",
                f"{name}: {conflict.kind} with {display(branch.step.target.name)} at commit {stopped.position} of {stopped.total}{far}",
                path,
                None,
                branch,
            )
            for conflict in stopped.conflicts
            for path in conflict.paths
        ]
    found += [
        _result(
            finding.code,
            _LEVELS[finding.severity],
            f"{name}: {display(finding.message)}",
            finding.path,
            finding.line,
            branch,
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
    found: list[dict[str, Any]] = []
    for one in judged.results:
        if one.verdict not in (Verdict.FAILED, Verdict.UNKNOWN):
            continue
        level = _DEMANDS[one.severity] if one.verdict is Verdict.FAILED else "note"
        for spot in one.spots or (Spot(None, None, one.details),):
            words = f"{name}: {display(one.name)}: {display(spot.message)}"
            found.append(_result(f"house_rules.{one.pack}.{one.id}", level, words, spot.path, spot.line, branch))
    return found


def _result(
    rule: str,
    level: str,
    words: str,
    path: str | None,
    line: int | None,
    branch: BranchReport,
    *,
    introduced_by: str | None = None,
) -> dict[str, Any]:
    properties = {"branch": display(branch.step.branch.name), "target": display(branch.step.target.name)}
    if introduced_by is not None:
        properties["introducedBy"] = introduced_by
    made: dict[str, Any] = {
        "ruleId": rule,
        "level": level,
        "message": {"text": words},
        "properties": properties,
    }
    if path is not None:
        # A URI reference, so that every byte of a name survives.
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(path.encode("utf-8", "surrogateescape"), safe="/")}}
        if line is not None:
            place["region"] = {"startLine": line}
        made["locations"] = [{"physicalLocation": place}]
    return made
