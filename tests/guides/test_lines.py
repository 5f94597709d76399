"""Lines of documents are short enough to be compared side by side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_CHARACTERS = 120
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_WHOLE = re.compile(r"`[^`]*`[.,]?|(- )?!?\[[^\]]*\]\(\S+\)[.,]?|\S+")
"""A line of one code span, link or word, which cannot be broken."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short(document: Path) -> None:
    """Tables, code and headings cannot be broken and are left as they are."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    long = [
        line for line in text.splitlines() if len(line) > MOST_CHARACTERS and not line.lstrip().startswith(("|", "#"))
    ]
    assert [line for line in long if not _WHOLE.fullmatch(line.strip())] == []
