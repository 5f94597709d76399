"""The page that says which test shows each original request: complete, and true of the tree."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs/coverage-of-requests.md").read_text().splitlines()
    if re.match(r"\| [CF]?\d+ \|", line)
]


@cache
def names_in(path: Path) -> set[str]:
    return set(re.findall(r"def test_(\w+)", path.read_text()))


def test_every_row_is_there_once() -> None:
    expected = [*map(str, range(1, 161)), *(f"C{at}" for at in range(1, 32)), *(f"F{at}" for at in range(1, 49))]
    assert [row[0] for row in ROWS] == expected


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for row in ROWS:
        for path, name in re.findall(r"`([\w/]+\.py)::(\w+)`", row[3]):
            place = ROOT / "tests" / path
            if not place.exists() or name not in names_in(place):
                missing.append((row[0], path, name))
    assert missing == []


def test_what_has_no_test_says_that_it_is_missing() -> None:
    without = [row for row in ROWS if "::" not in row[3] and "not there yet" not in row[2]]
    assert [row[0] for row in without if not (ROOT / row[3].strip("`")).is_file()] == []


def test_folders_of_the_code_that_are_named_exist() -> None:
    named = {path for row in ROWS for path in re.findall(r"`((?:batches|engine|compat)/[\w/]+)`", row[2])}
    assert named
    assert sorted(path for path in named if not (ROOT / "src/gitalign" / path).is_dir()) == []


def test_every_file_of_the_code_that_is_named_exists() -> None:
    named = {path for row in ROWS for path in re.findall(r"`([\w/]+\.py)`", row[2])}
    assert named
    assert sorted(path for path in named if not (ROOT / "src/gitalign" / path).exists()) == []
