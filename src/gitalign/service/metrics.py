"""Metrics of the service for Prometheus: requests of this process, and jobs as the database knows them.

Labels are sets that stay small: routes as they are written in the code, never addresses as they were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Scope

from gitalign.errors import StoreError
from gitalign.release import VERSION
from gitalign.store.service.figures import JobFigures

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"


class ServiceMetrics:
    """What one process counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gitalign_http_requests", "Requests.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "gitalign_http_request_seconds",
            "Time until a response was over; streams are not counted.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        release = Gauge("gitalign_release", "1, with the release as a label.", ("release",), registry=self._registry)
        release.labels(VERSION).set(1)
        self._streams = Gauge("gitalign_streams", "Event streams that are open.", registry=self._registry)
        self._jobs: _Jobs | None = None

    def count(self, scope: Scope, status: int, seconds: float, *, is_stream: bool) -> None:
        """Count a request that is over.

        Args:
            scope: of the request, after a route was chosen.
            status: of the response; 0 when the connection ended before it.
            seconds: since the request came.
            is_stream: how long it took says nothing.
        """
        route = route_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        if not is_stream:
            self._seconds.labels(route).observe(seconds)

    def ask(self, figures: Callable[[], JobFigures], streams: Callable[[], int]) -> None:
        """Say where to ask for what other objects know."""
        if self._jobs is not None:
            self._registry.unregister(self._jobs)
        self._jobs = _Jobs(figures)
        self._registry.register(self._jobs)
        self._streams.set_function(streams)

    def written(self, accepted: str) -> tuple[bytes, str]:
        """All metrics, and their media type.

        Args:
            accepted: the Accept header of the request.
        """
        encode, media_type = choose_encoder(accepted)
        text: bytes = encode(self._registry)
        return text, media_type


def route_of(scope: Scope) -> str:
    """The route that answers a request, as it is written in the code."""
    route: Any = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else NO_ROUTE


class _Jobs(Collector):
    """Asks the database when metrics are read. Where it does not answer, that alone is said: old figures would mislead."""

    def __init__(self, figures: Callable[[], JobFigures]) -> None:
        self._figures = figures

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: the database is not to be asked when this is registered."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures of now."""
        try:
            figures = self._figures()
        except StoreError:
            yield GaugeMetricFamily("gitalign_database_up", "1 when the database answers.", value=0)
            return
        yield GaugeMetricFamily("gitalign_database_up", "1 when the database answers.", value=1)
        jobs = GaugeMetricFamily("gitalign_jobs", "Jobs that are kept.", labels=("kind", "state"))
        for kind, state, count in figures.counts:
            jobs.add_metric((kind, state), count)
        yield jobs
        yield GaugeMetricFamily(
            "gitalign_longest_wait_seconds", "Since the oldest waiting job was written.", value=figures.longest_wait_s
        )
        yield GaugeMetricFamily(
            "gitalign_lost_leases", "Running jobs whose worker does not renew its claim.", value=figures.lost_leases
        )
        done = GaugeMetricFamily(
            "gitalign_last_done_timestamp_seconds",
            "When the newest job of a kind was carried out.",
            labels=("repository", "kind"),
        )
        for repository, kind, at in figures.last_done:
            done.add_metric((repository, kind), at)
        yield done
