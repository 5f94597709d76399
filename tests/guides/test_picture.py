"""README's picture shows what a run does today."""

from __future__ import annotations

from pathlib import Path

from tests.guides import picture


def test_the_picture_is_what_a_run_gives(tmp_path: Path) -> None:
    made = picture.make(tmp_path)
    assert picture.PLACE.read_text(encoding="utf-8") == made, "python -m tests.guides.picture   draws it again"
