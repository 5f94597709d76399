"""A run as spans of OpenTelemetry (extra `tracing`): the run, its phases, its branches. A listener of the one event stream.

Where spans go is chosen by the standard environment variables (`OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_OTLP_ENDPOINT`, …).
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, StatusCode, set_span_in_context

from gitalign.core.events import Event, EventKind
from gitalign.core.names import display
from gitalign.errors import ConfigError
from gitalign.release import VERSION

_LOG = logging.getLogger("gitalign.traces")
_EXPORTERS = "opentelemetry_traces_exporter"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WAIT_S = 3.0
_QUEUE = 16_384
"""Spans held until they are sent; a run of many unchanged branches ends them faster than a collector takes them."""
_PHASES: Mapping[EventKind, str | None] = {
    EventKind.RUN_STARTED: "prepare",
    EventKind.INTEGRATION_STARTED: "integrate",
    EventKind.INTEGRATION_FINISHED: "verify",
    EventKind.PUBLISH_STARTED: "publish",
    EventKind.VERIFIED: None,
}
_TOLD = frozenset(
    {
        EventKind.BREAKER_TRIPPED,
        EventKind.STOP_REQUESTED,
        EventKind.PUSH_REJECTED,
        EventKind.BRANCH_HELD_BACK,
        EventKind.STEP_RETRIED,
        EventKind.NOTICE,
    }
)
"""Events that are noted on the phase they happened in."""


def exporters_of(environ: Mapping[str, str]) -> list[SpanExporter]:
    """The exporters the environment names; `otlp` over HTTP when it names none.

    Raises:
        ConfigError: an exporter is not installed or cannot be made.
    """

    made: list[SpanExporter] = []
    for name in environ.get("OTEL_TRACES_EXPORTER", "otlp").lower().split(","):
        wanted = name.strip()
        if wanted in ("", "none"):
            continue
        if wanted == "console":
            # Standard output is for results.
            made.append(ConsoleSpanExporter(out=sys.stderr))
            continue
        if wanted == "otlp":
            protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            wanted = f"otlp_proto_{'grpc' if protocol == 'grpc' else 'http'}"
        found = {entry.name: entry for entry in entry_points(group=_EXPORTERS)}
        if wanted not in found:
            raise ConfigError(
                f"telemetry.traces: the environment asks for the exporter {wanted!r}, which is not installed",
                hint=f"set OTEL_TRACES_EXPORTER to one of: {', '.join(sorted(found))}, none",
            )
        try:
            made.append(found[wanted].load()())
        except Exception as error:
            raise ConfigError(
                f"telemetry.traces: the exporter {wanted!r} cannot be made: {type(error).__name__}: {error}",
                hint="look at the OTEL_* environment variables",
            ) from error
    return made


def provider_of(
    exporters: Sequence[SpanExporter], *, environ: Mapping[str, str]
) -> tuple[TracerProvider, Sequence[Counted]]:
    """What makes spans and sends them by a thread of its own, and the exporters, which say how often they failed.

    Args:
        exporters: where spans go.
        environ: OpenTelemetry's own variables: name of the service, size of the queue.
    """
    # Its complaints about a collector that is not there would stand between our lines.
    library = logging.getLogger("opentelemetry")
    if not library.handlers:
        library.addHandler(logging.NullHandler())
    is_named = "OTEL_SERVICE_NAME" in environ or "service.name" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    about = {"service.version": VERSION} if is_named else {"service.name": "git-align", "service.version": VERSION}
    # A handler at exit would wait for a dead collector after everything is done.
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    counted = [Counted(exporter) for exporter in exporters]
    size = None if "OTEL_BSP_MAX_QUEUE_SIZE" in environ else _QUEUE
    for exporter in counted:
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=size))
    return provider, counted


def shut_down(provider: TracerProvider, *, wait_s: float = _WAIT_S) -> bool:
    """Send what is held, for a bounded time; False when that did not suffice."""
    sender = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
    sender.start()
    sender.join(wait_s)
    return not sender.is_alive()


class RunTraces:
    """Follows one run. Spans are sent beside it, by a thread that may be late but holds up nothing.

    Args:
        exporters: where spans go.
        environ: tells name and size of the queue; see OpenTelemetry's own variables.
        wait_s: longest time `close` waits for what is not sent yet.
    """

    def __init__(
        self, exporters: Sequence[SpanExporter], *, environ: Mapping[str, str], wait_s: float = _WAIT_S
    ) -> None:

        self._provider, self._counted = provider_of(exporters, environ=environ)
        self._tracer = self._provider.get_tracer("gitalign", VERSION)
        self._wait_s = wait_s
        self._run: Span | None = None
        self._phase: Span | None = None
        self._steps: dict[str, Span] = {}
        self._last = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        at = self._last = _nanoseconds(event.at)
        if event.kind is EventKind.RUN_STARTED:
            self._run = self._tracer.start_span("git-align run", start_time=at)
            self._run.set_attribute("gitalign.run", event.run_id)
            self._note(self._run, event, ("plan", "steps", "excluded", "undoes"))
        if self._run is None:
            return
        if event.kind in _PHASES:
            self._next_phase(_PHASES[event.kind], at)
            if event.kind is EventKind.INTEGRATION_FINISHED:
                self._note(self._run, event, ("merges", "shared", "trivial"))
        elif event.kind is EventKind.STEP_STARTED and event.branch is not None:
            if event.branch not in self._steps:
                self._steps[event.branch] = self._step(event, at)
        elif event.kind is EventKind.STEP_FINISHED and event.branch is not None:
            self._finish_step(event, at)
        elif event.kind is EventKind.RUN_FINISHED:
            self._note(self._run, event, ("outcome", "moved"))
            self._end(at)
        elif event.kind in _TOLD:
            place = self._phase or self._run
            place.add_event(event.kind.value, _attributes(event.data), timestamp=at)

    def close(self) -> None:
        """End what is open as failed, and send what is held, for a bounded time."""

        if self._run is not None:
            self._run.set_status(StatusCode.ERROR, "the run ended before it was done")
            self._end(self._last)
        if not shut_down(self._provider, wait_s=self._wait_s) or any(one.failures for one in self._counted):
            _LOG.warning("not all traces of this run could be delivered; nothing else is touched by that")

    def _step(self, event: Event, at: int) -> Span:
        span = self._tracer.start_span("git-align branch", context=_inside(self._phase or self._run), start_time=at)
        span.set_attribute("gitalign.branch", display(event.branch or ""))
        span.set_attribute("gitalign.target", display(event.target or ""))
        return span

    def _finish_step(self, event: Event, at: int) -> None:

        began = at - int(float(event.data.get("duration_s", 0)) * 1e9)
        span = self._steps.pop(event.branch or "", None) or self._step(event, began)
        self._note(span, event, ("outcome", "code", "worker"))
        if event.data.get("outcome") == "failed":
            span.set_status(StatusCode.ERROR, str(event.data.get("code") or ""))
        span.end(at)

    def _next_phase(self, name: str | None, at: int) -> None:
        if self._phase is not None:
            self._phase.end(at)
        self._phase = self._tracer.start_span(name, context=_inside(self._run), start_time=at) if name else None

    def _end(self, at: int) -> None:
        for span in (*self._steps.values(), self._phase, self._run):
            if span is not None:
                span.end(at)
        self._steps.clear()
        self._phase = self._run = None

    def _note(self, span: Span, event: Event, keys: Sequence[str]) -> None:
        for key, value in _attributes({key: event.data.get(key) for key in keys}).items():
            span.set_attribute(f"gitalign.{key}", value)


class Counted(SpanExporter):
    """An exporter that remembers whether it failed."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.failures = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        try:
            result = self._exporter.export(spans)
        except Exception:
            result = SpanExportResult.FAILURE
        self.failures += result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def _inside(parent: Span | None) -> Context | None:

    return set_span_in_context(parent) if parent is not None else None


def _attributes(data: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    return {
        key: value if isinstance(value, bool | int | float) else display(str(value))
        for key, value in data.items()
        if value is not None
    }


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
