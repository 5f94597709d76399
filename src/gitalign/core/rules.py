"""House rules: what is asked of a branch, what was found, and how that adds up to a score and a band. Pure values and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.rule_checks import Check

WEIGHTS = {"must": 3, "should": 2, "may": 1}
"""What a requirement counts in the score, by its severity."""
EXCELLENT, COMPLIANT, PARTIAL = 0.9, 0.8, 0.6
"""Least scores of the bands."""


class Demand(StrEnum):
    """How strongly a requirement is meant (RFC 2119)."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One house rule.

    Attributes:
        id: short name, unique in its pack.
        description: what is asked and why.
        category: `security`, `architecture`, `style`, …
        threshold: least score at which it is met, above 0 and up to 1.
        check: how it is judged; None when only a person can tell.
        suggestion: what to do about it.
        example: what breaks the rule and what keeps it, for people.
        paths: globs of the files it is about; empty for all.
        exclude: globs of files it is not about.
    """

    id: str
    name: str
    description: str = ""
    category: str = "process"
    severity: Demand = Demand.SHOULD
    threshold: float = 1.0
    check: Check | None = None
    suggestion: str = ""
    example: str = ""
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """House rules that belong together."""

    name: str
    version: str
    requirements: tuple[Requirement, ...]
    description: str = ""
    origin: str = "built in"
    """Where it was read from, for people."""


class Verdict(StrEnum):
    """What came of one requirement for one branch."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It has no checker, or not everything could be looked at. Never as good as passed."""
    NOT_APPLICABLE = "not_applicable"
    """The branch changes nothing that it is about."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something was found.

    Attributes:
        path: None for what is in no file, a commit message for one.
    """

    path: str | None
    line: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementResult:
    """One requirement, judged for one branch.

    Attributes:
        score: share of what was judged that is in order, 0 to 1; None when nothing was.
        details: in one line, how that came about.
        spots: the first of them.
        spots_left_out: how many more there are.
    """

    pack: str
    id: str
    name: str
    category: str
    severity: Demand
    verdict: Verdict
    score: float | None
    threshold: float
    details: str = ""
    suggestions: tuple[str, ...] = ()
    spots: tuple[Spot, ...] = ()
    spots_left_out: int = 0

    @property
    def is_compliant(self) -> bool:
        """True when it was judged and met. What is unknown or not applicable is not."""
        return self.verdict is Verdict.PASSED

    @property
    def is_critical(self) -> bool:
        """True for a MUST that is not met, or that cannot be judged."""
        return self.severity is Demand.MUST and self.verdict in (Verdict.FAILED, Verdict.UNKNOWN)


class Band(StrEnum):
    """A compliance score in a word."""

    EXCELLENT = "excellent"
    COMPLIANT = "compliant"
    PARTIALLY_COMPLIANT = "partially_compliant"
    NON_COMPLIANT = "non_compliant"
    UNKNOWN = "unknown"
    """There was something to judge, and none of it could be."""
    NOT_APPLICABLE = "not_applicable"
    """Nothing was to be judged. Not a success: no one looked at anything."""


_NEED_ATTENTION = frozenset({Band.PARTIALLY_COMPLIANT, Band.NON_COMPLIANT, Band.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """What the house rules say of one branch.

    Attributes:
        base: the commit it was compared with.
        tip: the commit that was judged.
        score: see `score_of`.
        band: see `band_of`.
    """

    branch: str
    target: str
    base: str
    tip: str
    packs: tuple[str, ...]
    score: float | None
    band: Band
    results: tuple[RequirementResult, ...]

    @property
    def critical(self) -> tuple[RequirementResult, ...]:
        """Every MUST that failed or is unknown."""
        return tuple(result for result in self.results if result.is_critical)

    @property
    def needs_attention(self) -> bool:
        """True when a person should look at the branch."""
        return self.band in _NEED_ATTENTION

    @property
    def words(self) -> str:
        """Band and score in a few words; a score that a MUST holds down says so."""
        band = self.band.value.replace("_", " ")
        if self.score is None:
            return band
        is_capped = bool(self.critical) and self.score >= COMPLIANT
        return f"{band}, score {self.score:.2f}" + (" (held down by a MUST)" if is_capped else "")


def score_of(results: Sequence[RequirementResult]) -> float | None:
    """The weighted mean of the scores of what passed or failed; a MUST weighs 3, a SHOULD 2, a MAY 1.

    What is unknown or not applicable does not count. None when nothing passed or failed.
    """
    judged = [
        (WEIGHTS[result.severity.value], result.score)
        for result in results
        if result.verdict in (Verdict.PASSED, Verdict.FAILED) and result.score is not None
    ]
    if not judged:
        return None
    mean = sum(weight * score for weight, score in judged) / sum(weight for weight, _ in judged)
    return min(1.0, max(0.0, mean))


def band_of(results: Sequence[RequirementResult]) -> Band:
    """The band of a branch: below 0.6, 0.8, 0.9, and above; no better than partially compliant with a critical issue."""
    score = score_of(results)
    if score is None:
        return Band.UNKNOWN if any(result.verdict is Verdict.UNKNOWN for result in results) else Band.NOT_APPLICABLE
    if score < PARTIAL:
        return Band.NON_COMPLIANT
    if score < COMPLIANT or any(result.is_critical for result in results):
        return Band.PARTIALLY_COMPLIANT
    return Band.COMPLIANT if score < EXCELLENT else Band.EXCELLENT


def compliance(
    results: Sequence[RequirementResult], *, branch: str, target: str, base: str, tip: str, packs: Sequence[str]
) -> Compliance:
    """The results of a branch with their score and band."""
    return Compliance(
        branch=branch,
        target=target,
        base=base,
        tip=tip,
        packs=tuple(packs),
        score=score_of(results),
        band=band_of(results),
        results=tuple(results),
    )
