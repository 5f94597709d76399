"""A job belongs to the trace of the request that asked for it, and its log lines name both."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import structlog

from gitalign.core.jobs import JobKind, NewJob
from gitalign.service.application import create_app
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import Jobs
from tests.observe.collector import collecting
from tests.service.asking import REPOSITORY, done
from tests.service.serving import ended, served

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


def test_a_trace_goes_from_the_client_to_the_job(database_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"database": {"file": str(database_file)}, "telemetry": {"traces": True}}
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        with served(create_app(settings)) as server, server.client() as client:
            headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            asked = client.post(f"/api/v1/repositories/{REPOSITORY}/plans", json={}, headers=headers)
            ended(client, asked.json())
            assert client.get("/api/v1/jobs/none").status_code == 404
        spans = {span.name: span for span in collector.spans()}
    request = spans["POST /api/v1/repositories/{repository}/plans"]
    job = spans["job plan"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, CALLER)
    assert (job.trace_id.hex(), job.parent_span_id) == (TRACE, request.span_id)
    statuses = {one.key: one.value for one in spans["GET /api/v1/jobs/{job}"].attributes}
    assert statuses["http.response.status_code"].int_value in (200, 404)


@pytest.mark.parametrize("parent", ["", "nonsense", "00-0-0-00", "\x7f" * 10])
def test_what_a_client_says_of_its_trace_breaks_nothing(
    database_file: Path, monkeypatch: pytest.MonkeyPatch, parent: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    settings = {"database": {"file": str(database_file)}, "telemetry": {"traces": True}, "work": {"workers": 0}}
    with served(create_app(settings)) as server, httpx.Client(base_url=server.address, trust_env=False) as client:
        assert client.get("/health", headers={"traceparent": parent}).status_code == 200


def test_log_lines_of_a_job_name_it_and_its_request(database: ServiceDatabase) -> None:
    plan, _ = done(database, JobKind.PLAN)
    new = NewJob(
        repository=REPOSITORY, kind=JobKind.RUN, created_by="ada", plan_id=plan.plan_id,
        params={"push": False}, request_id="request-1",
    )  # fmt: skip
    job, _ = Jobs(database).add(new, job_id="a" * 32, most_open=9)
    seen: list[dict[str, object]] = []
    workers = Workers(
        database, WorkSettings(), checkpoint=lambda _: seen.append(structlog.contextvars.get_contextvars())
    )
    assert workers.work_once()
    assert seen
    assert {(one["job"], one["request"], one["repository"]) for one in seen} == {(job.id, "request-1", REPOSITORY)}
    assert "job" not in structlog.contextvars.get_contextvars()
