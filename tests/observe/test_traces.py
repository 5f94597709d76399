"""Spans of a run: in memory, over HTTP to a collector of our own, and with collectors that are dead or mute."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.errors import ConfigError, OutOfSpace
from gitalign.observe.traces import RunTraces, exporters_of
from tests import warm
from tests.git.workspace import Workspace
from tests.observe.collector import Collector, collecting
from tests.runs import branch, request, run


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    for name in ("good", "clash"):
        work.switch(name, "main")
        work.commit(name, {"list" if name == "clash" else name: b"2\n"})
    work.git("branch", "same", "main")
    work.switch("main")
    work.commit("main", {"list": b"3\n"})
    return work


def traced(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> tuple[list[ReadableSpan], Report]:
    memory = InMemorySpanExporter()
    monkeypatch.setattr("gitalign.observe.traces.exporters_of", lambda environ: [memory])
    report = run(work.path, telemetry__traces=True)
    return list(memory.get_finished_spans()), report


def test_one_span_for_the_run_its_phases_and_branches(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    spans, report = traced(work, monkeypatch)
    (root,) = [span for span in spans if span.parent is None]
    assert root.name == "git-align run"
    assert dict(root.attributes or {})["gitalign.outcome"] == "attention"
    assert dict(root.attributes or {})["gitalign.run"] == report.run.id
    assert root.resource.attributes["service.name"] == "git-align"
    by_id = {span.context.span_id: span for span in spans if span.context}
    phases = [
        span.name for span in spans if span.parent and span.parent.span_id == (root.context and root.context.span_id)
    ]
    assert phases == ["prepare", "integrate", "verify", "publish"]
    told = {}
    for span in spans:
        if span.name == "git-align branch":
            assert span.parent is not None
            assert by_id[span.parent.span_id].name == "integrate"
            attributes = dict(span.attributes or {})
            told[attributes["gitalign.branch"]] = attributes["gitalign.outcome"]
    assert told == {one.step.branch.name: one.result.outcome.kind for one in report.branches()}
    for span in spans:
        assert span.start_time is not None
        assert span.end_time is not None
        assert (root.start_time or 0) <= span.start_time <= span.end_time <= (root.end_time or 0)


def test_a_run_that_raises_ends_its_spans_as_failed(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = InMemorySpanExporter()
    monkeypatch.setattr("gitalign.observe.traces.exporters_of", lambda environ: [memory])

    def full(*_: object) -> None:
        raise OutOfSpace("full")

    monkeypatch.setattr("gitalign.engine.run.execute.require_space", full)
    with pytest.raises(OutOfSpace):
        run(work.path, telemetry__traces=True)
    (root,) = [span for span in memory.get_finished_spans() if span.parent is None]
    assert root.status.status_code is StatusCode.ERROR


def test_an_undo_is_a_run_too(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _, report = traced(work, monkeypatch)
    memory = InMemorySpanExporter()
    monkeypatch.setattr("gitalign.observe.traces.exporters_of", lambda environ: [memory])
    facade.undo(request(work.path, telemetry__traces=True), report.run.id, permit=Permit(plan_id="*"))
    (root,) = [span for span in memory.get_finished_spans() if span.parent is None]
    assert dict(root.attributes or {})["gitalign.undoes"] == report.run.id


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def test_spans_arrive_at_the_collector_the_environment_names(
    work: Workspace, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly")
    run(work.path, telemetry__traces=True)
    assert len([span for span in collector.spans() if span.name == "git-align branch"]) == 3
    names = {
        attribute.value.string_value
        for message in collector.got
        for resource in message.resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    }
    assert names == {"nightly"}


@pytest.mark.parametrize("is_mute", [True, False], ids=["mute", "closed"])
def test_a_dead_collector_neither_fails_nor_hangs_a_run(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, is_mute: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not is_mute:
            server.close()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("GITALIGN_TELEMETRY__TRACES", "true")
        began = time.monotonic()
        done = warm.run("run", "--repo", work.path, "--yes", "--json", timeout=60)
        assert time.monotonic() - began < 20
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("traces") == 1
    assert work.git("merge-base", "--is-ancestor", "main", "good") == ""


def test_nothing_is_sent_unless_asked(work: Workspace, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    assert branch(run(work.path), "good").verdict is Verdict.ALIGNED
    assert collector.got == []


def test_the_environment_chooses_the_exporter(capsys: pytest.CaptureFixture[str]) -> None:
    assert exporters_of({"OTEL_TRACES_EXPORTER": "none"}) == []
    assert type(exporters_of({})[0]).__name__ == "OTLPSpanExporter"
    assert len(exporters_of({"OTEL_TRACES_EXPORTER": "console,otlp"})) == 2
    for name in ("nowhere", "otlp"):
        with pytest.raises(ConfigError, match="not installed") as caught:
            exporters_of({"OTEL_TRACES_EXPORTER": name, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
        assert "otlp_proto_http" in caught.value.hint
    traces = RunTraces(exporters_of({"OTEL_TRACES_EXPORTER": "console"}), environ={})
    traces.close()
    assert capsys.readouterr().out == ""


def test_neither_library_is_loaded_for_help() -> None:
    code = (
        "import sys; sys.argv = ['git-align', '--help']\n"
        "from gitalign.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "bad = {'opentelemetry', 'prometheus_client', 'detect_secrets', 'requests'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
