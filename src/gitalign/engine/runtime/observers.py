"""Those who watch a run for other systems, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.git.repository import Repository
from gitalign.observe.extras import require_library
from gitalign.output_file import require_writable

if TYPE_CHECKING:
    from gitalign.configuration.settings import Telemetry
    from gitalign.core.report import Report
    from gitalign.observe.metrics import RunMetrics
    from gitalign.observe.traces import RunTraces
    from gitalign.ports import Listener


def require_observers(settings: Telemetry) -> None:
    """Refuse settings that could not be served, before anything starts.

    Raises:
        PluginError: a library is missing.
        UserError: the metrics file cannot be written.
    """
    if settings.metrics_file is not None:
        require_library("prometheus_client", setting="telemetry.metrics_file", extra="metrics")
        require_writable(settings.metrics_file)
    if settings.traces:
        require_library("opentelemetry.sdk.trace", setting="telemetry.traces", extra="tracing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observers:
    """What follows the events of one run, and what is informed of its end."""

    listeners: tuple[Listener, ...]
    metrics: RunMetrics | None
    surroundings: Surroundings

    def finished(self, report: Report) -> None:
        """Tell the end of a run that was carried through."""
        if self.metrics is not None:
            self.metrics.write(report, outcome=report.run.outcome, at=self.surroundings.now())


@contextmanager
def observing(
    settings: Telemetry, repository: Repository, surroundings: Surroundings, *, measured: bool = True
) -> Iterator[Observers]:
    """Observers of one run while inside; a run that raises is reported as failed.

    Args:
        settings: what is asked for.
        repository: whose name stands on every metric.
        surroundings: the time, and the environment for OpenTelemetry.
        measured: write metrics, too; an undo does not replace those of the last run.

    Raises:
        ConfigError: the environment names an exporter that is not there.
    """
    metrics: RunMetrics | None = None
    traces: RunTraces | None = None
    if settings.metrics_file is not None and measured:
        from gitalign.observe.metrics import RunMetrics

        name = Path(repository.work_tree or repository.common_dir).name.removesuffix(".git")
        metrics = RunMetrics(settings.metrics_file, repository=name, started_at=surroundings.now())
    if settings.traces:
        from gitalign.observe.traces import RunTraces, exporters_of

        traces = RunTraces(exporters_of(surroundings.environ), environ=surroundings.environ)
    try:
        followers = tuple(one for one in (metrics, traces) if one is not None)
        yield Observers(listeners=followers, metrics=metrics, surroundings=surroundings)
    except BaseException as error:
        if metrics is not None:
            outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            metrics.write(None, outcome=outcome, at=surroundings.now())
        raise
    finally:
        if traces is not None:
            traces.close()
