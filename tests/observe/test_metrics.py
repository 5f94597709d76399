"""The metrics file: parsed as Prometheus does, written whole, no branch in any label."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitalign import facade
from gitalign.core.events import Event, EventKind
from gitalign.core.plan import Permit
from gitalign.errors import ConfigError, OutOfSpace, PluginError, UserError
from gitalign.observe.metrics import RunMetrics
from tests.git.workspace import Workspace
from tests.runs import request, run

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
AT = datetime(2026, 1, 1, tzinfo=UTC)


def samples(text: str) -> Samples:
    """Every sample of a file by name and labels, without the repository."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for one in family.samples:
            labels = tuple(sorted((key, value) for key, value in one.labels.items() if key != "repository"))
            assert (one.name, labels) not in found
            found[one.name, labels] = one.value
    return found


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    for name, files in {
        "good": {"good": b"1\n"},
        "clash": {"list": b"2\n"},
        "bad": {"n.py": b"def f(:\n"},
    }.items():
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("main", {"list": b"3\n"})
    return work


def test_what_a_run_came_to(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "metrics" / "git-align.prom"
    place.parent.mkdir()
    report = run(work.path, telemetry__metrics_file=str(place))
    text = place.read_text()
    found = samples(text)
    counts = report.counts()
    assert {
        dict(labels)["outcome"]: value for (name, labels), value in found.items() if name == "gitalign_run_branches"
    } == counts
    assert found["gitalign_run_outcome", (("outcome", "attention"),)] == 1
    assert found["gitalign_run_outcome", (("outcome", "ok"),)] == 0
    assert found["gitalign_run_exit_code", ()] == 1
    assert found["gitalign_run_moved_branches", ()] == report.run.moved == 2
    assert found["gitalign_run_peak_memory_bytes", ()] > 1_000_000
    assert found["gitalign_run_processor_seconds", ()] == pytest.approx(report.processor_s)
    assert abs(found["gitalign_run_last_timestamp_seconds", ()] - time.time()) < 60
    assert 0 < found["gitalign_run_duration_seconds", ()] < 60
    assert found["gitalign_run_merges", (("how", "made"),)] >= 2
    key = (("code", "syntax_error"), ("introduced_by", "branch"), ("severity", "critical"))
    assert found["gitalign_run_findings", key] == 1
    phases = {dict(labels)["phase"] for name, labels in found if name == "gitalign_run_phase_seconds"}
    assert {"prepare", "integrate", "verify", "publish"} <= phases
    assert ("gitalign_run_branch_phase_seconds", (("phase", "detect"),)) in found
    for name in ("good", "clash", "bad"):
        assert f'"{name}"' not in text
    assert 'repository="repo"' in text
    assert [one.name for one in place.parent.iterdir()] == [place.name]


def test_a_run_that_raises_is_told_as_failed(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "git-align.prom"

    def full(_: object) -> None:
        raise OutOfSpace("full")

    monkeypatch.setattr("gitalign.engine.run.execute.require_space", full)
    with pytest.raises(OutOfSpace):
        run(work.path, telemetry__metrics_file=str(place))
    found = samples(place.read_text())
    assert found["gitalign_run_outcome", (("outcome", "failed"),)] == 1
    assert ("gitalign_run_exit_code", ()) not in found


def test_an_undo_leaves_the_metrics_of_the_last_run(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "git-align.prom"
    report = run(work.path, telemetry__metrics_file=str(place))
    text = place.read_text()
    facade.undo(request(work.path, telemetry__metrics_file=str(place)), report.run.id, permit=Permit(plan_id="*"))
    assert place.read_text() == text


def test_links_are_followed_and_devices_written_to(work: Workspace, tmp_path: Path) -> None:
    real, link = tmp_path / "real.prom", tmp_path / "link.prom"
    link.symlink_to(real)
    run(work.path, telemetry__metrics_file=str(link))
    assert link.is_symlink()
    assert samples(real.read_text())
    run(work.path, telemetry__metrics_file=os.devnull)
    assert Path(os.devnull).is_char_device()


def test_a_disk_that_fills_during_the_run_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    RunMetrics(tmp_path / "gone" / "x.prom", repository="r", started_at=AT).write(None, outcome="ok", at=AT)
    assert "not written" in caplog.text


def test_labels_are_bounded_and_safe(tmp_path: Path) -> None:
    metrics = RunMetrics(tmp_path / "x.prom", repository='odd"\udce9\n', started_at=AT)
    for _ in range(2):
        metrics(Event(run_id="r", seq=1, at=AT, kind=EventKind.BREAKER_TRIPPED))
    text = metrics.text(None, outcome="interrupted", at=AT + timedelta(seconds=90))
    found = samples(text)
    assert found["gitalign_run_breaker_trips", ()] == 2
    assert found["gitalign_run_duration_seconds", ()] == 90


def test_many_targets_are_taken_together(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    names = [f"t{number}" for number in range(60)]
    for name in names:
        work.git("branch", name)
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    place = tmp_path / "m.prom"
    run(work.path, targets=["main", *names], telemetry__metrics_file=str(place))
    targets = {dict(labels)["target"] for name, labels in samples(place.read_text()) if name == "gitalign_run_branches"}
    assert len(targets) <= 51


@pytest.mark.parametrize("place", ["relative.prom", "/no/such/folder/x.prom", "/tmp"])
def test_a_file_that_cannot_be_is_refused_before_anything_starts(work: Workspace, place: str) -> None:
    before = work.git("for-each-ref")
    with pytest.raises((ConfigError, UserError)):
        run(work.path, telemetry__metrics_file=place)
    assert work.git("for-each-ref") == before
    assert not (work.path / ".git" / "gitalign").exists()


@pytest.mark.parametrize(
    ("module", "settings", "extra"),
    [
        ("prometheus_client", {"telemetry__metrics_file": "/tmp/x.prom"}, "metrics"),
        ("opentelemetry", {"telemetry__traces": True}, "tracing"),
    ],
)
def test_without_the_library_it_says_what_to_install(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, module: str, settings: dict[str, object], extra: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError) as caught:
        run(work.path, **settings)  # type: ignore[arg-type]
    assert f"git-align[{extra}]" in caught.value.hint
    assert not (work.path / ".git" / "gitalign").exists()
