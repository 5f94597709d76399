"""Metrics say what happened, in a form that Prometheus reads, to those alone who may see everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind
from gitalign.errors import StoreError
from gitalign.service.application import create_app
from gitalign.service.metrics import ServiceMetrics
from gitalign.store.service.figures import JobFigures
from tests.service.asking import REPOSITORY, ask
from tests.service.serving import Served, served


@pytest.fixture
def server(database_file: Path) -> Iterator[Served]:
    with served(create_app({"database": {"file": str(database_file)}, "work": {"workers": 0}})) as running:
        yield running


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_and_jobs_are_counted(server: Served) -> None:
    ask(server.service.database, JobKind.PLAN)
    with server.client() as client, server.client(None) as stranger:
        for _ in range(3):
            client.get(f"/api/v1/repositories/{REPOSITORY}")
        client.get("/no/such/place")
        stranger.get(f"/api/v1/repositories/{REPOSITORY}")
        answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    seen = values(answer.text)
    route = "route=/api/v1/repositories/{repository}"
    assert seen["gitalign_http_requests_total", "method=GET", route, "status=200"] == 3
    assert seen["gitalign_http_requests_total", "method=GET", route, "status=401"] == 1
    assert seen["gitalign_http_requests_total", "method=GET", "route=none", "status=404"] == 1
    assert seen["gitalign_http_request_seconds_count", route] == 4
    assert seen["gitalign_jobs", "kind=plan", "state=queued"] == 1
    assert seen[("gitalign_database_up",)] == 1
    assert 0 <= seen[("gitalign_longest_wait_seconds",)] < 60
    assert "gal_" not in answer.text


@pytest.mark.parametrize(("role", "repositories", "status"), [(None, (), 401), (Role.ADMIN, (REPOSITORY,), 403)])
def test_who_may_not_read_them(server: Served, role: Role | None, repositories: tuple[str, ...], status: int) -> None:
    with server.client(role, *repositories) as client:
        assert client.get("/metrics").status_code == status


def test_prometheus_may_ask_for_the_open_format(server: Served) -> None:
    with server.client(Role.VIEWER) as client:
        answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.text.endswith("# EOF\n")


def test_a_database_that_does_not_answer_is_said_and_no_old_figure() -> None:
    def fails() -> JobFigures:
        raise StoreError("it is gone")

    metrics = ServiceMetrics()
    metrics.ask(lambda: JobFigures(counts=(("run", "done", 1),), longest_wait_s=0, lost_leases=0, last_done=()), int)
    assert values(metrics.written("")[0].decode())["gitalign_jobs", "kind=run", "state=done"] == 1
    metrics.ask(fails, int)
    seen = values(metrics.written("")[0].decode())
    assert seen[("gitalign_database_up",)] == 0
    assert not any(name == "gitalign_jobs" for name, *_ in seen)
