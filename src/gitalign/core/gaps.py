"""Commits that could not be compared because an object is not in the repository: how results name them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gitalign.core.findings import Finding, Severity
from gitalign.core.names import Oid

_MOST_NAMED = 20


def missing_as_findings(missing: Mapping[Oid, Oid]) -> tuple[Finding, ...]:
    """A finding for each commit, up to a bound; commit -> the object that is missing."""
    named = sorted(missing.items())
    findings = tuple(_finding(missing_in_words(commit, lost)) for commit, lost in named[:_MOST_NAMED])
    if len(named) > _MOST_NAMED:
        findings += (_finding(f"{len(named) - _MOST_NAMED} more commits cannot be compared for the same reason"),)
    return findings


def missing_in_words(commit: Oid, lost: Oid) -> str:
    """What is not known for want of an object."""
    return (
        f"commit {commit} cannot be compared, because object {lost} is not in the repository: whether branch and target share its "
        "patch is not known"
    )


def _finding(message: str) -> Finding:
    return Finding(code="commit_not_compared", severity=Severity.WARNING, message=message, detector="upstream")
