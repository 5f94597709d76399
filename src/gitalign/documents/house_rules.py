"""What the house rules say of branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.rules import Band, Compliance, Demand, RequirementResult, Spot, Verdict
from gitalign.documents.reading import as_float, as_int, as_text, each, field, maybe, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.house_rules import (
        ComplianceDocument,
        JudgedComplianceDocument,
        RequirementResultDocument,
        SpotDocument,
    )

_DEMAND = member_of(Demand)
_VERDICT = member_of(Verdict)
_BAND = member_of(Band)


def dump_spot(value: Spot) -> SpotDocument:
    """Where something was found."""
    return {
        "path": value.path,
        "line": value.line,
        "message": value.message,
    }


def load_spot(value: Any) -> Spot:
    """Reads what `dump_spot` writes; raises `Malformed`."""
    data = members(value)
    return Spot(
        path=maybe(data, "path", as_text),
        line=maybe(data, "line", as_int),
        message=field(data, "message", as_text),
    )


def dump_requirement_result(value: RequirementResult) -> RequirementResultDocument:
    """One requirement, judged for one branch."""
    return {
        "pack": value.pack,
        "id": value.id,
        "name": value.name,
        "category": value.category,
        "severity": value.severity,
        "verdict": value.verdict,
        "score": value.score,
        "threshold": value.threshold,
        "details": value.details,
        "suggestions": list(value.suggestions),
        "spots": [dump_spot(item) for item in value.spots],
        "spots_left_out": value.spots_left_out,
    }


def load_requirement_result(value: Any) -> RequirementResult:
    """Reads what `dump_requirement_result` writes; raises `Malformed`."""
    data = members(value)
    return RequirementResult(
        pack=field(data, "pack", as_text),
        id=field(data, "id", as_text),
        name=field(data, "name", as_text),
        category=field(data, "category", as_text),
        severity=field(data, "severity", _DEMAND),
        verdict=field(data, "verdict", _VERDICT),
        score=maybe(data, "score", as_float),
        threshold=field(data, "threshold", as_float),
        details=field(data, "details", as_text, ""),
        suggestions=each(data, "suggestions", as_text, ()),
        spots=each(data, "spots", load_spot, ()),
        spots_left_out=field(data, "spots_left_out", as_int, 0),
    )


def dump_compliance(value: Compliance) -> ComplianceDocument:
    """What the house rules say of one branch."""
    return {
        "branch": value.branch,
        "target": value.target,
        "base": value.base,
        "tip": value.tip,
        "packs": list(value.packs),
        "score": value.score,
        "band": value.band,
        "results": [dump_requirement_result(item) for item in value.results],
    }


def load_compliance(value: Any) -> Compliance:
    """Reads what `dump_compliance` writes; raises `Malformed`."""
    data = members(value)
    return Compliance(
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        base=field(data, "base", as_text),
        tip=field(data, "tip", as_text),
        packs=each(data, "packs", as_text),
        score=maybe(data, "score", as_float),
        band=field(data, "band", _BAND),
        results=each(data, "results", load_requirement_result),
    )


def dump_judged_compliance(value: Compliance) -> JudgedComplianceDocument:
    """What the house rules say of a branch, for readers: with what follows from the results."""
    return {
        "branch": value.branch,
        "target": value.target,
        "base": value.base,
        "tip": value.tip,
        "packs": list(value.packs),
        "score": value.score,
        "band": value.band,
        "results": [{**dump_requirement_result(item), "is_compliant": item.is_compliant} for item in value.results],
        "critical_issues": [item.id for item in value.critical],
        "needs_attention": value.needs_attention or bool(value.critical),
    }
