"""What others take: comments of GitHub and GitLab, uploads of code scanning; and a page that opens at once."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from gitalign.views import sarif as limits
from gitalign.views.bounded_markdown import MOST_BYTES, Section, bounded, cell, code
from gitalign.views.forecast import forecast_page
from gitalign.views.forecast_markdown import forecast_markdown
from gitalign.views.report_markdown import report_markdown
from gitalign.views.sarif import forecast_sarif, sarif
from tests.views.many import AS_OF, outlook_of, report_of


def test_a_page_of_650_branches_stays_under_2_mb() -> None:
    page = forecast_page(outlook_of(650), name="shop", as_of=AS_OF)
    assert 500_000 < len(page.encode()) < 2_000_000


@pytest.mark.parametrize("branches", [40, 1_500])
def test_a_summary_of_a_forecast_fits_into_a_comment(branches: int) -> None:
    outlook = outlook_of(branches)
    text = forecast_markdown(outlook, name="shop", as_of=AS_OF)
    assert len(text.encode()) <= MOST_BYTES < 65_536
    for title in ("What to do first", "Targets", "Branches that stop", "Who must talk to whom", "Most contested paths"):
        section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert len(section.strip().splitlines()) >= 2, title
    told = sum(
        line.startswith("| [") for line in text.partition("## Branches that stop")[2].partition("\n## ")[0].splitlines()
    )
    left = branches * 2 // 3 - told
    assert (f"and {left:,} more branches" in text) == (left > 0)
    assert "<b>" not in text


@pytest.mark.parametrize(("branches", "findings"), [(6, 2), (1_500, 4)])
def test_a_summary_of_a_run_fits_into_a_comment(branches: int, findings: int) -> None:
    report, after = report_of(branches, findings=findings)
    text = report_markdown(report, after)
    assert len(text.encode()) <= MOST_BYTES
    for title in ("What to do first", "Need a person", "Findings"):
        assert f"## {title}\n" in text
    shown = text.partition("## Findings")[2].partition("\n## ")[0]
    # The weightiest first.
    severities = [line.split(" | ")[1] for line in shown.splitlines() if line.startswith("| ") and "symbol" in line]
    assert severities == sorted(severities)
    assert severities
    assert (
        f"and {branches // 2 * findings - len(severities):,} more findings" in shown
        or len(severities) == branches // 2 * findings
    )


def test_a_comment_notifies_no_person_and_refers_to_no_issue() -> None:
    assert cell("thanks @ada for #12 | a@b, # 1") == "thanks @&#8203;ada for &#35;&#8203;12 &#124; a@&#8203;b, &#35; 1"
    # Rendered code is left alone by the services, and is to be copied.
    assert code("git align resolve @x") == "<code>git align resolve @x</code>"


def test_one_giant_row_takes_the_room_of_no_other_section() -> None:
    text = bounded([Section("One", (), ["x" * 200_000], "rows"), Section("Two", (), ["- two"], "rows")])
    assert "x" * 100 not in text
    assert "and 1 more rows" in text
    assert "- two" in text


def _run_of(text: str) -> dict[str, Any]:
    document = json.loads(text)
    (one,) = document["runs"]
    assert isinstance(one, dict)
    return one


def test_code_scanning_takes_the_weightiest_results() -> None:
    report, _ = report_of(1_000, findings=60)
    text = sarif(report)
    one = _run_of(text)
    assert len(one["results"]) == limits.MOST_RESULTS
    assert len(gzip.compress(text.encode())) < limits.MOST_GZIPPED_BYTES
    levels = [result["level"] for result in one["results"]]
    assert levels == sorted(levels)
    assert Counter(levels)["error"] > 15_000
    assert all(len(result["locations"]) == 1 for result in one["results"])
    assert "further results" in one["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_code_scanning_takes_what_is_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = report_of(100, findings=10)
    whole = _run_of(sarif(report))["results"]
    monkeypatch.setattr(limits, "MOST_GZIPPED_BYTES", 10_000)
    text = sarif(report)
    assert len(gzip.compress(text.encode())) <= 10_000
    assert _run_of(text)["results"] == whole[: len(_run_of(text)["results"])]


def test_every_result_has_a_place_and_a_fingerprint_of_its_own() -> None:
    report, _ = report_of(40, findings=2)
    for text in (sarif(report), forecast_sarif(outlook_of(40).forecast)):
        one = _run_of(text)
        assert all(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in one["results"])
        prints = [result["partialFingerprints"]["gitAlign/v1"] for result in one["results"]]
        assert len(set(prints)) == len(prints) > 20
        assert "invocations" not in one
