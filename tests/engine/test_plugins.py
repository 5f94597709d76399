"""Sockets: plug-ins by entry point, active only when named; one that raises fails its own branch."""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.findings import Finding, Severity
from gitalign.core.outcome import Failed
from gitalign.core.report import Verdict
from gitalign.engine.runtime.plugins import load_plugins
from gitalign.errors import PluginError
from gitalign.ports import DetectionRequest, DocumentRequest
from tests.git.workspace import Workspace
from tests.runs import branch, run


class Finds:
    """A detector that condemns whatever touches `bad`, and notes whatever touches `odd`."""

    name = "finds"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        assert len(request.after) == 40
        found = [
            Finding(code="bad", severity=Severity.CRITICAL, message="bad", path=path)
            for path in request.changed_paths
            if path == "bad"
        ]
        return found + [
            Finding(code="odd", severity=Severity.INFO, message="odd", path=path)
            for path in request.changed_paths
            if path == "odd"
        ]


class Explodes:
    """A plug-in that raises on one branch."""

    name = "explodes"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        if request.branch == "odd":
            raise RuntimeError("boom")
        return []

    def document(self, request: DocumentRequest) -> str:
        if request.branch == "odd":
            raise RuntimeError("boom")
        place = Path(request.output_dir)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{request.branch}.md").write_text(request.branch)
        return str(place / f"{request.branch}.md")


class Exits:
    """A plug-in that ends the program, as a script does that was made a plug-in."""

    name = "exits"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        raise SystemExit(3)

    def document(self, request: DocumentRequest) -> str:
        raise SystemExit(3)


class Hangs:
    """A detector that never answers."""

    name = "hangs"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        threading.Event().wait(600)
        return []


def nothing() -> object:
    return object()


def fails() -> object:
    raise ValueError("cannot start")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points as an installed package would offer them."""
    here = "tests.engine.test_plugins"
    offered = {
        "gitalign.detectors": {
            "finds": "Finds",
            "explodes": "Explodes",
            "nothing": "nothing",
            "fails": "fails",
            "hangs": "Hangs",
            "exits": "Exits",
        },
        "gitalign.documenters": {"explodes": "Explodes", "exits": "Exits", "nothing": "nothing"},
    }

    def installed(group: str) -> dict[str, EntryPoint]:
        return {name: EntryPoint(name, f"{here}:{target}", group) for name, target in offered[group].items()}

    monkeypatch.setattr("gitalign.engine.runtime.plugins.plug_ins_of", installed)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    for name in ("good", "bad", "odd"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"1\n"})
    return work


def test_nothing_named_is_nothing_loaded_and_told(work: Workspace) -> None:
    plugins = load_plugins(detectors=(), documenter=None)
    assert plugins.detectors == ()
    assert plugins.documenter is None
    result = branch(run(work.path, detection__detectors=[]), "good").result
    assert (result.detection, result.documentation) == ("not configured", "not configured")


@pytest.mark.parametrize(
    ("name", "words"), [("gone", "no such plug-in"), ("nothing", "is not a detector"), ("fails", "cannot start")]
)
def test_what_cannot_be_used_is_refused_before_anything_runs(work: Workspace, name: str, words: str) -> None:
    before = work.git("for-each-ref")
    with pytest.raises(PluginError, match=words) as caught:
        run(work.path, detection__detectors=[name])
    assert caught.value.exit_code == 3
    assert work.git("for-each-ref") == before


def test_a_documenter_must_offer_what_its_socket_asks(work: Workspace) -> None:
    with pytest.raises(PluginError, match="is not a documenter"):
        load_plugins(detectors=(), documenter="nothing")


def test_critical_findings_hold_the_branch_and_others_are_told(work: Workspace) -> None:
    tip = work.tip("bad")
    report = run(work.path, detection__detectors=["finds"])
    found = branch(report, "bad")
    assert found.verdict is Verdict.FAILED
    assert found.result.outcome.kind == "failed"
    assert isinstance(found.result.outcome, Failed)
    assert found.result.outcome.findings[0].code == "bad"
    assert work.tip("bad") == tip
    assert branch(report, "odd").verdict is Verdict.ALIGNED
    assert branch(report, "odd").result.detection == "found"
    assert branch(report, "good").result.detection == "clean"


def test_a_plug_in_that_raises_fails_its_own_branch(work: Workspace) -> None:
    report = run(work.path, detection__detectors=["explodes"])
    assert branch(report, "odd").verdict is Verdict.FAILED
    assert "boom" in branch(report, "odd").detail
    assert branch(report, "good").verdict is Verdict.ALIGNED


@pytest.mark.parametrize(
    "used", [{"detection__detectors": ["exits"]}, {"detection__detectors": [], "documenter": "exits"}]
)
def test_a_plug_in_that_ends_the_program_fails_its_branches_and_the_run_ends(
    work: Workspace, used: dict[str, Any]
) -> None:
    tip = work.tip("good")
    report = run(work.path, **used)
    assert [one.verdict for one in report.branches()] == [Verdict.FAILED] * 3
    assert "SystemExit: 3" in branch(report, "good").detail
    assert work.tip("good") == tip


def test_a_document_is_referred_to_or_its_failure_told(work: Workspace) -> None:
    report = run(work.path, detection__detectors=[], documenter="explodes")
    summary = branch(report, "good").result.summary
    assert summary is not None
    assert Path(summary).read_text() == "good"
    assert branch(report, "odd").verdict is Verdict.FAILED
    assert importlib.metadata.version("pytest")


def test_a_detector_that_hangs_fails_its_branches_in_time(work: Workspace) -> None:
    tip = work.tip("good")
    found = branch(
        run(work.path, detection__detectors=["hangs"], orchestration__error_detection_timeout_seconds=0.2), "good"
    )
    assert found.verdict is Verdict.FAILED
    assert getattr(found.result.outcome, "code", "") == "detector_timed_out"
    assert work.tip("good") == tip
