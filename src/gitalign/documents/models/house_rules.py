"""Models: what the house rules say of branches."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.rules import Band, Demand, Verdict


class SpotDocument(TypedDict):
    """Where something was found."""

    path: str | None
    line: int | None
    message: str


class RequirementResultDocument(TypedDict):
    """One requirement, judged for one branch."""

    pack: str
    id: str
    name: str
    category: str
    severity: Demand
    verdict: Verdict
    score: float | None
    threshold: float
    details: str
    suggestions: list[str]
    spots: list[SpotDocument]
    spots_left_out: int


class ComplianceDocument(TypedDict):
    """What the house rules say of one branch."""

    branch: str
    target: str
    base: str
    tip: str
    packs: list[str]
    score: float | None
    band: Band
    results: list[RequirementResultDocument]


class JudgedResultDocument(RequirementResultDocument):
    """One requirement, judged for one branch, and whether that is a pass."""

    is_compliant: bool


class JudgedComplianceDocument(TypedDict):
    """What the house rules say of one branch, with what follows from the results."""

    branch: str
    target: str
    base: str
    tip: str
    packs: list[str]
    score: float | None
    band: Band
    results: list[JudgedResultDocument]
    critical_issues: list[str]
    needs_attention: bool


class HouseRulesDocument(TypedDict):
    """What the house rules say of branches."""

    branches: list[JudgedComplianceDocument]
