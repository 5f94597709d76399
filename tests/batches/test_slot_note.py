"""The note in a slot: what cannot be read for certain counts as work that is nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign.batches.running.slot_note import SlotNote, read_note, write_note

NOTE = SlotNote(batch_id="b", task_id="t", base="a" * 40, prepared="p", keep=("node_modules", "\udcff"), reason="r")
PLAIN = {"batch_id": "b", "task_id": "t", "base": "a" * 40, "prepared": "p", "keep": ["node_modules", "\udcff"]} | {
    "reason": "r"
}


def written(folder: Path) -> Any:
    return json.loads((folder / "slot.json").read_text())


def test_a_note_is_a_document_with_the_keys_it_always_had(tmp_path: Path) -> None:
    assert read_note(tmp_path) == SlotNote()
    write_note(tmp_path, NOTE)
    assert written(tmp_path) == {"format": "git-align/batch-slot", "version": "1.0", **PLAIN}
    assert read_note(tmp_path) == NOTE


@pytest.mark.parametrize("stamp", [{}, {"format": "git-align/batch-slot", "version": "1.9", "of_the_future": [1]}])
def test_older_notes_and_newer_minor_versions_are_read(tmp_path: Path, stamp: dict[str, Any]) -> None:
    (tmp_path / "slot.json").write_text(json.dumps({**stamp, **PLAIN}))
    assert read_note(tmp_path) == NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"batch_id": ""}',
        json.dumps({**PLAIN, "batch_id": None}),
        json.dumps({"format": "git-align/batch-slot", "version": "2.0", **PLAIN, "batch_id": ""}),
        json.dumps({"format": "git-align/session", "version": "1.0", **PLAIN, "batch_id": ""}),
    ],
)
def test_a_note_that_cannot_be_read_says_that_work_may_be_there(tmp_path: Path, text: str) -> None:
    (tmp_path / "slot.json").write_text(text)
    assert read_note(tmp_path).holds_work
    (tmp_path / "slot.json").write_bytes(b"\xff")
    assert read_note(tmp_path).holds_work
