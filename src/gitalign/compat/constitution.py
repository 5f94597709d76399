"""`ConstitutionalAnalyzer`, as the original requests name it: code held against a list of requirements, with plain dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.core.rules import Compliance, RequirementResult, RulePack
from gitalign.documents.house_rules import dump_spot


class ConstitutionalAnalyzer:
    """Judges what branches change by a constitution: rule packs.

    Args:
        packs: built-in names or files.
        repo_path: any path inside the repository.
    """

    def __init__(self, packs: Sequence[str] = ("python",), *, repo_path: str | Path = ".") -> None:
        self._packs = tuple(packs)
        self._request = facade.Request(repo=repo_path)

    def requirements(self) -> list[dict[str, Any]]:
        """Every requirement as `id, name, description, category, severity, compliance_threshold, has_checker`.

        Raises:
            RulePackError
        """
        return [
            {
                "id": one.id,
                "name": one.name,
                "description": one.description,
                "category": one.category,
                "severity": one.severity.value,
                "compliance_threshold": one.threshold,
                "has_checker": one.check is not None,
            }
            for pack in self._read()
            for one in pack.requirements
        ]

    def analyze(self, branch: str, *, target: str | None = None) -> dict[str, Any]:
        """What the constitution says of a branch.

        Args:
            branch: its name.
            target: what it is compared with; the branch's own target when None.

        Returns:
            `branch, target, overall_score, compliance_level, critical_issues, results`; each result is `requirement_id,
            severity, verdict, is_compliant, score, details, suggestions, spots`. The score is None when nothing was judged.

        Raises:
            GitAlignError
        """
        (found,) = facade.check_rules(self._request, branches=(branch,), packs=self._packs, target=target)
        return _document(found)

    def analyze_all(self) -> list[dict[str, Any]]:
        """`analyze` for every branch that has a target.

        Raises:
            GitAlignError
        """
        return [_document(one) for one in facade.check_rules(self._request, packs=self._packs)]

    def _read(self) -> tuple[RulePack, ...]:
        return facade.rule_packs(self._request, self._packs)


def _document(found: Compliance) -> dict[str, Any]:
    return {
        "branch": found.branch,
        "target": found.target,
        "overall_score": found.score,
        "compliance_level": found.band.value,
        "critical_issues": [one.id for one in found.critical],
        "results": [_result(one) for one in found.results],
    }


def _result(one: RequirementResult) -> Mapping[str, Any]:
    return {
        "requirement_id": one.id,
        "severity": one.severity.value,
        "verdict": one.verdict.value,
        "is_compliant": one.is_compliant,
        "score": one.score,
        "details": one.details,
        "suggestions": list(one.suggestions),
        "spots": [dump_spot(spot) for spot in one.spots],
    }
