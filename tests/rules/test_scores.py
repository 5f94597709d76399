"""How results add up: properties that hold for any results, and the bounds of the bands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.rules import Band, Demand, RequirementResult, Verdict, band_of, compliance, score_of

JUDGED = (Verdict.PASSED, Verdict.FAILED)


def result(verdict: Verdict, score: float | None, severity: Demand = Demand.SHOULD) -> RequirementResult:
    return RequirementResult(
        pack="p", id="r", name="r", category="style", severity=severity, verdict=verdict, score=score, threshold=1.0
    )


@st.composite
def any_result(draw: st.DrawFn) -> RequirementResult:
    verdict = draw(st.sampled_from(Verdict))
    score = 1.0 if verdict is Verdict.PASSED else draw(st.floats(0, 0.99)) if verdict is Verdict.FAILED else None
    return result(verdict, score, draw(st.sampled_from(Demand)))


@given(st.lists(any_result(), max_size=12))
def test_what_holds_for_any_results(results: list[RequirementResult]) -> None:
    score, band = score_of(results), band_of(results)
    judged = [one for one in results if one.verdict in JUDGED]
    assert (score is None) == (not judged)
    if score is not None:
        assert 0 <= score <= 1
        assert (score == 1) == all(one.verdict is Verdict.PASSED for one in judged)
    else:
        assert band in (Band.UNKNOWN, Band.NOT_APPLICABLE)
        assert (band is Band.UNKNOWN) == any(one.verdict is Verdict.UNKNOWN for one in results)
    if any(one.severity is Demand.MUST and one.verdict in (Verdict.FAILED, Verdict.UNKNOWN) for one in results):
        assert band not in (Band.COMPLIANT, Band.EXCELLENT, Band.NOT_APPLICABLE)
        assert compliance(results, branch="b", target="t", base="0", tip="1", packs=["p"]).needs_attention
    assert all(one.verdict is Verdict.PASSED for one in results if one.is_compliant)


@given(st.lists(any_result(), max_size=8), st.sampled_from(Demand))
def test_an_unknown_never_makes_it_better(results: list[RequirementResult], severity: Demand) -> None:
    order = [Band.NON_COMPLIANT, Band.PARTIALLY_COMPLIANT, Band.COMPLIANT, Band.EXCELLENT]
    before, after = band_of(results), band_of([*results, result(Verdict.UNKNOWN, None, severity)])
    if before in order:
        assert order.index(after) <= order.index(before)
    else:
        assert after is Band.UNKNOWN


@given(st.lists(any_result(), max_size=8))
def test_order_does_not_matter(results: list[RequirementResult]) -> None:
    assert score_of(results) == pytest.approx(score_of(results[::-1]))
    assert band_of(results) is band_of(results[::-1]) or score_of(results) != score_of(results[::-1])


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0.0, Band.NON_COMPLIANT),
        (0.5999, Band.NON_COMPLIANT),
        (0.6, Band.PARTIALLY_COMPLIANT),
        (0.7999, Band.PARTIALLY_COMPLIANT),
        (0.8, Band.COMPLIANT),
        (0.8999, Band.COMPLIANT),
        (0.9, Band.EXCELLENT),
        (1.0, Band.EXCELLENT),
    ],
)
def test_bounds_of_the_bands(score: float, band: Band) -> None:
    assert band_of([result(Verdict.FAILED, score)]) is band
    worst = {Band.NON_COMPLIANT: Band.NON_COMPLIANT}.get(band, Band.PARTIALLY_COMPLIANT)
    assert band_of([result(Verdict.FAILED, score, Demand.MUST)]) is worst


def test_weights() -> None:
    results = [
        result(Verdict.PASSED, 1.0, Demand.MUST),
        result(Verdict.FAILED, 0.5, Demand.SHOULD),
        result(Verdict.FAILED, 0.0, Demand.MAY),
        result(Verdict.UNKNOWN, None, Demand.MUST),
        result(Verdict.NOT_APPLICABLE, None, Demand.MUST),
    ]
    assert score_of(results) == pytest.approx((3 * 1 + 2 * 0.5 + 0) / 6)


def test_nothing_to_judge_is_no_success() -> None:
    assert (score_of([]), band_of([])) == (None, Band.NOT_APPLICABLE)
