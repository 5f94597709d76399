"""README's picture shows what a run does today."""

from __future__ import annotations

from pathlib import Path

from tests.guides import batch_picture, picture


def test_the_picture_is_what_a_run_gives(tmp_path: Path) -> None:
    made = picture.make(tmp_path)
    assert picture.PLACE.read_text(encoding="utf-8") == made, "python -m tests.guides.picture   draws it again"


def test_the_picture_of_ten_agents_is_what_status_shows() -> None:
    drawn = batch_picture.PLACE.read_text(encoding="utf-8")
    assert drawn == batch_picture.make(), "python -m tests.guides.batch_picture   draws it again"
