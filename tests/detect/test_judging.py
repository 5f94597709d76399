"""A file that a detector trips over is told, refuses its branch, and hides nothing else."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gitalign.core.findings import Finding, Severity
from gitalign.core.outcome import Aligned, Failed
from gitalign.core.report import Verdict
from gitalign.detect import python
from gitalign.detect.builtin import ContentDetector
from gitalign.detect.judging import Unjudged, judged
from gitalign.detect.spots import Spot
from gitalign.errors import GitDied
from gitalign.ports import Detector
from tests.git.workspace import Workspace
from tests.runs import branch, run

HOSTILE = b"a = " + b"9" * 5_000 + b"\n"
MARKED = b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\nd\n"


class Trips:
    """A scanner that some files are too much for."""

    name = "trips"

    def wants(self, path: bytes) -> bool:
        return True

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        if b"hostile" in data:
            raise RecursionError(f"cannot read {data!r}")
        return [Spot("odd", Severity.WARNING, "odd", 1, "odd")] if b"odd" in data else []


def trips() -> Detector:
    return ContentDetector(Trips())


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("good", "main")
    work.commit("good", {"good": b"1\n"})
    work.switch("topic", "main")
    work.commit(
        "topic", {"a.toml": HOSTILE, "b.txt": MARKED, "c.toml": b"x =\n", "d": b"odd\n", "e": b"hostile secret\n"}
    )
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    return work


def told(found: Sequence[Finding]) -> set[tuple[str, str, str | None]]:
    return {(one.code, one.detector, one.path) for one in found}


def test_other_files_and_detectors_are_still_looked_at(work: Workspace) -> None:
    tip = work.tip("topic")
    report = run(work.path)
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.code == "error_detection"
    assert told(outcome.findings) == {
        ("detector_failed", "syntax", "a.toml"),
        ("conflict_marker", "markers", "b.txt"),
        ("syntax_error", "syntax", "c.toml"),
    }
    assert work.tip("topic") == tip
    assert branch(report, "good").verdict is Verdict.ALIGNED
    assert branch(report, "good").result.detection == "clean"


def test_a_scanner_that_raises_fails_its_file_alone(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("trips", "tests.detect.test_judging:trips", "gitalign.detectors")
    monkeypatch.setattr("gitalign.engine.runtime.plugins.plug_ins_of", lambda group: {"trips": entry})
    outcome = branch(run(work.path, detection__detectors=["trips"]), "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert told(outcome.findings) == {("odd", "trips", "d"), ("detector_failed", "trips", "e")}
    (failed,) = [one for one in outcome.findings if one.code == "detector_failed"]
    assert failed.severity is Severity.CRITICAL
    assert failed.introduced_by is None
    assert "RecursionError" in failed.message
    assert "secret" not in failed.message


def test_the_operator_may_let_it_pass_and_it_is_still_told(work: Workspace) -> None:
    found = branch(run(work.path, detection__refuse_severity="none"), "topic")
    assert found.verdict is Verdict.ALIGNED
    assert found.result.detection == "found"


def test_python_files_are_judged_one_by_one(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(tree: ast.Module) -> object:
        if any(isinstance(node, ast.Name) and node.id == "hostile" for node in ast.walk(tree)):
            raise TypeError
        return facts_of(tree)

    facts_of = python._facts
    monkeypatch.setattr("gitalign.detect.python._facts", picky)
    work.switch("py", "good")
    work.commit("py", {"h.py": b"hostile = 1\n", "i.py": b"from nowhere.at.all import x\n", "nowhere/__init__.py": b""})
    work.switch("main")
    outcome = branch(run(work.path, detection__detectors=["python"]), "py").result.outcome
    assert isinstance(outcome, Failed)
    assert told(outcome.findings) == {("detector_failed", "python", "h.py"), ("import_unresolved", "python", "i.py")}


def test_a_broken_world_is_no_broken_file() -> None:
    def dies() -> None:
        raise GitDied("gone")

    with pytest.raises(GitDied):
        judged(dies)
    assert isinstance(judged(lambda: 1 // 0), Unjudged)
    assert judged(lambda: 1) == 1


def test_a_file_whose_content_is_missing_is_not_called_clean(tmp_path: Path) -> None:
    """As in a partial copy. Nothing speaks against the branch, so it is aligned, and the report says what was not looked at."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"hole.json": b"{a content of its own}\n", "g": b"1\n"})
    lost = work.git("rev-parse", "topic:hole.json")
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    (work.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    outcome = branch(run(work.path), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(one.code, one.path) for one in outcome.findings] == [("content_missing", "hole.json")]
