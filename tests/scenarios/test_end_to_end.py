"""Task 83: the seven scenarios, by the command itself, in a repository each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.scenarios import SCENARIOS, Scenario, markdown_of, play, report_of


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_scenario(scenario: Scenario, tmp_path: Path) -> None:
    played = play(scenario, tmp_path)
    assert played["faults"] == []
    assert played["git_verification"] == {"history_clean": True, "merge_commits": 0, "unexpected_changes": []}
    assert played["peak_memory_bytes"] < 200_000_000


def test_the_report_has_the_specified_keys_and_counts_a_failure(tmp_path: Path) -> None:
    wrong = Scenario(
        "wrong", "expects what does not happen", SCENARIOS[0].build, {"feature/clean": ("skipped", ())}, {}
    )
    document = report_of([play(wrong, tmp_path)])
    assert list(document) == [
        "report_metadata",
        "test_summary",
        "scenario_results",
        "framework_validation",
        "error_categories",
        "performance_metrics",
    ]
    assert document["test_summary"] == {"total": 1, "passed": 0, "failed": 1}
    assert "expected skipped" in markdown_of(document)
