"""Findings: what a check or detector noticed about a result, and which of them keep a branch from being published."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Severity(StrEnum):
    """Weight of a finding."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


Origin = Literal["branch", "target", "integration"]
"""Who brought a finding: a side that had it before, or putting the two together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a check or detector noticed about an aligned branch."""

    code: str
    severity: Severity
    message: str
    path: str | None = None
    line: int | None = None
    detector: str = "gitalign"
    introduced_by: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule:
    """Which findings keep a branch from being published.

    Attributes:
        severity: this one and weightier ones; None for no finding at all.
        introduced_by: brought by these. A finding that does not say who brought it counts.
        always: whatever these detectors say.
    """

    severity: Severity | None = Severity.CRITICAL
    introduced_by: tuple[Origin, ...] = ("integration",)
    always: tuple[str, ...] = ()

    def refuses(self, finding: Finding) -> bool:
        """True when the branch must not be published with this finding."""
        if finding.detector in self.always:
            return True
        if self.severity is None:
            return False
        order = list(Severity)
        is_heavy = order.index(finding.severity) <= order.index(self.severity)
        return is_heavy and (finding.introduced_by is None or finding.introduced_by in self.introduced_by)
