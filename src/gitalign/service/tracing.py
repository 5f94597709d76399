"""Requests and jobs as spans of OpenTelemetry (extra `tracing`). A job belongs to the trace of the request that asked for it.

Where spans go is chosen by the standard environment variables, as for runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from gitalign.core.jobs import Job
from gitalign.observe.traces import exporters_of, provider_of, shut_down
from gitalign.release import VERSION
from gitalign.service.metrics import route_of

_LOG = logging.getLogger("gitalign.service")
_PROPAGATOR = TraceContextTextMapPropagator()
_PARENT = "traceparent"
_SERVER_ERROR = 500


class ServiceTraces:
    """Spans of one process.

    Args:
        environ: see `exporters_of`.

    Raises:
        ConfigError: an exporter is not installed or cannot be made.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._provider, self._exporters = provider_of(exporters_of(environ), environ=environ)
        self._tracer = self._provider.get_tracer("gitalign.service", VERSION)

    @contextmanager
    def request(self, scope: Scope, *, parent: str | None) -> Iterator[RequestSpan]:
        """A span around a request.

        Args:
            scope: of the request.
            parent: the client's `traceparent`.
        """
        span = self._tracer.start_span(scope["method"], context=_context(parent), kind=SpanKind.SERVER)
        seen = RequestSpan(_text(set_span_in_context(span)))
        try:
            yield seen
        finally:
            route = route_of(scope)
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", seen.status)
            if seen.status >= _SERVER_ERROR or seen.status == 0:
                span.set_status(StatusCode.ERROR)
            span.end()

    @contextmanager
    def job(self, job: Job) -> Iterator[None]:
        """A span around the work on a job, inside the trace of the request that asked for it."""
        span = self._tracer.start_span(f"job {job.kind}", context=_context(job.trace), kind=SpanKind.CONSUMER)
        for name, value in (("job", job.id), ("repository", job.repository), ("attempt", job.attempts)):
            span.set_attribute(f"gitalign.{name}", value)
        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what is held, for a bounded time."""
        if not shut_down(self._provider) or any(one.failures for one in self._exporters):
            _LOG.warning("not all traces could be delivered; nothing else is touched by that")


class RequestSpan:
    """The span of a request that is under way.

    Attributes:
        trace: for what the request causes, as a `traceparent` header says it.
        status: of the response; 0 before there is one.
    """

    def __init__(self, trace: str) -> None:
        self.trace = trace
        self.status = 0


def _context(parent: str | None) -> Context | None:
    return _PROPAGATOR.extract({_PARENT: parent}) if parent else None


def _text(context: Context) -> str:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context=context)
    return carrier[_PARENT]
