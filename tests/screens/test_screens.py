"""The screens are as they were reviewed. After a change that is meant: python -m tests.screens"""

from __future__ import annotations

from tests.screens.capture import FOLDER, WALK, WIDTHS, screens, two_copies


def test_screens_are_as_they_were_reviewed() -> None:
    with two_copies() as places:
        for width, place in places.items():
            for name, text in screens(place, width):
                kept = (FOLDER / str(width) / f"{name}.txt").read_text(encoding="utf-8")
                assert text == kept, f"{width}/{name}: python -m tests.screens"


def test_no_line_is_longer_than_its_terminal_and_no_id_is_broken() -> None:
    for width in WIDTHS:
        kept = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / str(width)).glob("*.txt")}
        assert set(kept) == {name for name, _, _ in WALK}
        for name, text in kept.items():
            assert all(len(line) <= width for line in text.splitlines()), name
            assert "20260101-000000-abc123" in text or "20260101" not in text, name
