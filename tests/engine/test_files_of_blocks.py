"""What detectors look at is read for many branches together; what does not fit is read branch by branch, with the same verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gitalign.engine.alignment import replay_block
from gitalign.integrate.lane import MergeWorker
from tests.git.workspace import Workspace
from tests.runs import run

MARKED = b"one\n<<<<<<< HEAD\ntwo\n=======\nthree\n>>>>>>> topic\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    for number in range(4):
        work.switch(f"b{number}", "main")
        work.commit(f"b{number}", {f"f{number}": MARKED if number == 2 else b"fine\n", f"g{number}": b"%d\n" % number})
    work.switch("main")
    work.commit("on", {"a": b"1\n"})
    return work


@pytest.mark.parametrize(
    ("bound", "value"), [(None, 0), ("_LONGEST_BYTES", 3), ("_MOST_BYTES", -1), ("_READ_AT_ONCE", 1)]
)
def test_verdicts_are_the_same_however_files_are_read(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, bound: str | None, value: int
) -> None:
    asked: list[bytes] = []
    real = MergeWorker.files

    def files(lane: MergeWorker, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        asked.extend(names)
        return real(lane, names, most_bytes=most_bytes)

    monkeypatch.setattr(MergeWorker, "files", files)
    if bound is not None:
        monkeypatch.setattr(replay_block, bound, value)
    report = run(work.path)
    outcomes = {one.branch: one.outcome for one in report.results}
    found = {name: {one.path for one in getattr(outcome, "findings", ())} for name, outcome in outcomes.items()}
    assert found == {"b0": set(), "b1": set(), "b2": {"f2"}, "b3": set()}
    is_read_together = bound in (None, "_READ_AT_ONCE")
    assert bool(asked) is not is_read_together
