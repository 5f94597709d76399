"""A report as JUnit XML: a suite for each target, a case for each branch, so that CI pages show them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from gitalign.core.names import display
from gitalign.core.report import SUCCESSES, BranchReport, Report, Verdict
from gitalign.core.rules import Verdict as RuleVerdict

# Characters XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS = frozenset({Verdict.FAILED, Verdict.PUSH_FAILED})
_SKIPPED = frozenset({Verdict.SKIPPED, Verdict.CANCELLED, Verdict.NOT_PUBLISHED})


def junit(report: Report) -> str:
    """The document. Conflicts, refusals and what was held back are failures; a broken world is an error."""
    root = ElementTree.Element("testsuites", name="git-align", time=f"{report.total_s:.3f}")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for target, branches in report.by_target().items():
        suite = ElementTree.SubElement(root, "testsuite", name=_plain(target))
        counts = {
            "tests": len(branches),
            "failures": sum(_kind(branch) == "failure" for branch in branches),
            "errors": sum(_kind(branch) == "error" for branch in branches),
            "skipped": sum(_kind(branch) == "skipped" for branch in branches),
        }
        for name, count in counts.items():
            suite.set(name, str(count))
            totals[name] += count
        suite.set("time", f"{sum(branch.result.duration_s for branch in branches):.3f}")
        suite.set("timestamp", report.executed_at.strftime("%Y-%m-%dT%H:%M:%S"))
        for branch in branches:
            _case(suite, target, branch)
    for name, count in totals.items():
        root.set(name, str(count))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, target: str, branch: BranchReport) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=_plain(branch.step.branch.name),
        classname=_plain(target),
        time=f"{branch.result.duration_s:.3f}",
    )
    kind = _kind(branch)
    if kind is not None:
        told = ElementTree.SubElement(case, kind, message=_plain(branch.detail or branch.verdict.value))
        if kind != "skipped":
            told.set("type", branch.verdict.value)
            told.text = "\n".join(_lines(branch))
    elif lines := _lines(branch):
        ElementTree.SubElement(case, "system-out").text = "\n".join(lines)


def _kind(branch: BranchReport) -> str | None:
    if branch.verdict in SUCCESSES:
        return None
    return "error" if branch.verdict in _ERRORS else "skipped" if branch.verdict in _SKIPPED else "failure"


def _lines(branch: BranchReport) -> list[str]:
    outcome = branch.result.outcome
    conflicts = [f"{conflict.kind}: {', '.join(conflict.paths)}" for conflict in getattr(outcome, "conflicts", ())]
    findings = [
        f"{finding.severity.value} {finding.code} {finding.path or ''}:{finding.line or ''} {finding.message}"
        for finding in getattr(outcome, "findings", ())
    ]
    checks = [
        f"check {check.name}: {check.status.value}{': ' if check.reason else ''}{check.reason}"
        + (f"\n{check.output}" if check.refuses and check.output else "")
        for check in branch.result.validation.checks
    ]
    found = branch.result.compliance
    rules = [
        f"house rule {one.id} ({one.severity.value}) {one.verdict.value}: {one.details}"
        for one in (found.results if found is not None else ())
        if one.verdict in (RuleVerdict.FAILED, RuleVerdict.UNKNOWN)
    ]
    return [_plain(line) for text in (*conflicts, *findings, *rules, *checks) for line in text.splitlines()]


def _plain(words: str) -> str:
    return _FORBIDDEN.sub("\ufffd", display(words))
