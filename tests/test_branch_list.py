"""Branch lists in the four shapes; every fault with index and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign.configuration.branch_list import load_branch_list
from gitalign.errors import BranchListError


def write(tmp_path: Path, data: Any) -> Path:
    place = tmp_path / "categorized_branches.json"
    place.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return place


SHAPES = [
    ("list", [{"branch": "x", "target": "main"}]),
    (
        "detailed list",
        [
            {
                "branch": "x",
                "cluster_id": "C1",
                "target": "main",
                "secondary_targets": ["scientific"],
                "confidence": 0.5,
                "tags": ["a"],
                "reasoning": "because",
                "metrics": {},
            }
        ],
    ),
    (
        "branches",
        {
            "branches": [
                {
                    "branch_name": "x",
                    "assigned_target": "main",
                    "confidence": 0.87,
                    "tags": ["tag:main_branch"],
                    "cluster_id": 0,
                }
            ]
        },
    ),
    (
        "mapping",
        {
            "metadata": {},
            "branches": {"x": {"integration_target": "main", "decision_rationale": "because"}},
            "summary": {},
        },
    ),
]


@pytest.mark.parametrize(("shape", "data"), SHAPES)
def test_all_four_shapes_are_read(tmp_path: Path, shape: str, data: Any) -> None:
    found = load_branch_list(write(tmp_path, data))
    assert found.shape == shape
    (entry,) = found.entries
    assert (entry.index, entry.name, entry.target) == (0, "x", "main")


def test_everything_known_is_carried(tmp_path: Path) -> None:
    row = {
        "branch_name": "refs/heads/feature/x",
        "assigned_target": "main",
        "confidence": 1,
        "tags": ["a", "b"],
        "cluster_id": 3,
        "priority": 7,
        "reasoning": "because",
        "unknown": [1],
    }
    (entry,) = load_branch_list(write(tmp_path, {"branches": [row]})).entries
    assert entry.name == "feature/x"
    assert (entry.confidence, entry.tags, entry.cluster_id, entry.priority, entry.reason) == (
        1.0,
        ("a", "b"),
        3,
        7,
        "because",
    )


@pytest.mark.parametrize("data", [[], {"branches": []}, {"branches": {}}, "\ufeff[]"])
def test_an_empty_list_is_valid(tmp_path: Path, data: Any) -> None:
    assert load_branch_list(write(tmp_path, data)).entries == ()


def test_numbers_are_known_by_their_own_names_or_with_their_group_where_several_groups_have_them(
    tmp_path: Path,
) -> None:
    metrics = {
        "history": {"commit_recency": 0.25, "score": 1},
        "diff": {"score": 2, "note": "x", "flag": True},
        "structure": None,
        "age_days": 40,
    }
    row = {"branch": "x", "target": "main", "metrics": metrics}
    (entry,) = load_branch_list(write(tmp_path, [row])).entries
    assert dict(entry.metrics) == {"commit_recency": 0.25, "history.score": 1.0, "diff.score": 2.0, "age_days": 40.0}


@pytest.mark.parametrize("odd", ["null", "[]", '"x"', "3", '{"a": null}', '{"a": {"b": {"c": 1}}}', '{"a": 1e999}'])
def test_what_are_no_numbers_says_nothing(tmp_path: Path, odd: str) -> None:
    text = '[{"branch": "x", "target": "main", "metrics": ' + odd + "}]"
    (entry,) = load_branch_list(write(tmp_path, text)).entries
    assert entry.metrics == ()


def test_a_missing_target_is_left_to_planning(tmp_path: Path) -> None:
    assert (
        load_branch_list(write(tmp_path, [{"branch": "x"}, {"branch": "y", "target": None}])).entries[1].target is None
    )


def test_every_fault_is_told_with_index_and_field(tmp_path: Path) -> None:
    rows = [
        5,
        {},
        {"branch": 3},
        {"branch": " "},
        {"branch": "a\nb"},
        {"branch": "x", "target": 1},
        {"branch": "x", "target": ""},
        {"branch": "x", "confidence": 2},
        {"branch": "x", "confidence": "high"},
        {"branch": "x", "tags": "a"},
        {"branch": "x", "tags": [1]},
        {"branch": "x", "cluster_id": [1]},
        {"branch": "x", "priority": 1.5},
        {"branch": "x", "confidence": True},
        None,
    ]
    with pytest.raises(BranchListError) as caught:
        load_branch_list(write(tmp_path, rows))
    assert caught.value.exit_code == 2
    assert len(caught.value.faults) == len(rows)
    for number, (fault, field) in enumerate(
        zip(
            caught.value.faults,
            ["", "branch_name", "branch", "branch", "branch", "target", "target", "confidence", "confidence", "tags"],
            strict=False,
        )
    ):
        assert fault.startswith(f"entry {number}")
        assert field in fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("{", "line 1, column"),
        ("[NaN]", "NaN"),
        ('{"branches": {"x": {}, "x": {}}}', "stands twice"),
        ("3", "the number 3"),
        ("{}", "without `branches`"),
        ('{"branches": 3}', "the number 3"),
        ('{"branches": {"x": 3}}', "entry 0 ('x')"),
        ("[" * 100_000, "nested"),
        ("true", "true"),
        ('"x"', "the text"),
    ],
)
def test_bad_files_are_told_without_a_traceback(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BranchListError, match=words.replace("(", r"\(").replace(")", r"\)")):
        load_branch_list(write(tmp_path, text))


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(BranchListError, match="does not exist"):
        load_branch_list(tmp_path / "gone.json")
    with pytest.raises(BranchListError, match="directory"):
        load_branch_list(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'["\xff"]')
    with pytest.raises(BranchListError, match="byte 2"):
        load_branch_list(tmp_path / "latin.json")
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(65 * 1024 * 1024)
    with pytest.raises(BranchListError, match="64 MiB"):
        load_branch_list(tmp_path / "huge.json")


def test_very_many_faults_are_counted(tmp_path: Path) -> None:
    with pytest.raises(BranchListError, match="and 30 more") as caught:
        load_branch_list(write(tmp_path, [{}] * 80))
    assert len(caught.value.faults) == 80
