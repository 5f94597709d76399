"""The table of covered edge cases in tests/README.md is what the docstrings say."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_the_readme_counts_what_the_docstrings_say() -> None:
    covered: set[int] = set()
    for path in HERE.rglob("test_*.py"):
        for match in re.finditer(r"[Ee]dge cases? ([\d, and]+)", path.read_text(encoding="utf-8")):
            covered.update(int(number) for number in re.findall(r"\d+", match.group(1)))
    told = (HERE / "README.md").read_text(encoding="utf-8").split("Covered here:")[1].split("Not of this")[0]
    assert sorted(covered) == [int(number) for number in re.findall(r"\d+", told)]
