"""Metrics of the last run as a file that the textfile collector of the node exporter reads (extra `metrics`).

The only labels are sets that stay small: targets, outcomes, phases, finding codes. Never branches.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from gitalign.core.events import Event, EventKind
from gitalign.core.findings import Finding
from gitalign.core.names import display
from gitalign.core.outcome import Aligned, Failed, StepResult
from gitalign.core.report import Report
from gitalign.errors import GitAlignError
from gitalign.output_file import write_whole

_LOG = logging.getLogger("gitalign.metrics")
_MOST_VALUES = 50
_OTHER = "other"
Values = Sequence[tuple[tuple[str, ...], float]]
"""Labels and what is added up under them."""
OUTCOMES = ("ok", "attention", "interrupted", "failed")


class RunMetrics:
    """Follows one run and writes its metrics when it is over.

    Args:
        path: the file.
        repository: name of the repository, on every metric, so that files of several stand beside one another.
        started_at: of the run.
    """

    def __init__(self, path: Path, *, repository: str, started_at: datetime) -> None:
        self._path = path
        self._repository = display(repository)
        self._started_at = started_at
        self._merges: dict[str, int] = {}
        self._trips = 0

    def __call__(self, event: Event) -> None:
        """Take one event: what a report does not tell is counted."""
        if event.kind is EventKind.INTEGRATION_FINISHED:
            self._merges = {
                "made": int(event.data.get("merges", 0)),
                "shared": int(event.data.get("shared", 0)),
                "trivial": int(event.data.get("trivial", 0)),
            }
        elif event.kind is EventKind.BREAKER_TRIPPED:
            self._trips += 1

    def write(self, report: Report | None, *, outcome: str, at: datetime) -> None:
        """Write the file, whole or not at all. A file that cannot be written is a warning: the run stands.

        Args:
            report: None for a run that raised.
            outcome: one of `OUTCOMES`.
            at: the end of the run.
        """
        try:
            write_whole(self._path, self.text(report, outcome=outcome, at=at))
        except (GitAlignError, OSError) as error:
            _LOG.warning("the metrics of this run are not written: %s", error)

    def text(self, report: Report | None, *, outcome: str, at: datetime) -> str:
        """The file's contents in the text format of Prometheus."""
        registry = CollectorRegistry()
        seconds = (at - self._started_at).total_seconds()
        ways = [((one,), one == outcome) for one in OUTCOMES]
        self._tell(registry, "outcome", "1 for the way the last run ended.", ways, "outcome")
        self._tell(registry, "duration_seconds", "Wall clock of the last run.", [((), seconds)])
        self._tell(registry, "last_timestamp_seconds", "When the last run ended.", [((), at.timestamp())])
        self._tell(registry, "breaker_trips", "Times the circuit breaker opened.", [((), self._trips)])
        merges = [((how,), count) for how, count in self._merges.items()]
        self._tell(registry, "merges", "Merges: made by git, shared between branches, or not needed.", merges, "how")
        if report is not None:
            self._tell_report(registry, report)
        return generate_latest(registry).decode("utf-8")

    def _tell_report(self, registry: CollectorRegistry, report: Report) -> None:
        branches = [((display(one.step.target.name), one.verdict.value), 1) for one in report.branches()]
        self._tell(registry, "branches", "Branches by target and outcome.", branches, "target", "outcome")
        self._tell(registry, "moved_branches", "Branches that were moved.", [((), report.run.moved)])
        self._tell(registry, "exit_code", "Exit code of the run on the command line.", [((), report.exit_code())])
        memory = [((), report.peak_memory_bytes)]
        self._tell(registry, "peak_memory_bytes", "Of our own process, without git's.", memory)
        self._tell(registry, "processor_seconds", "Processor time, git's included.", [((), report.processor_s)])
        phases = [((phase,), seconds) for phase, seconds in report.phases]
        self._tell(registry, "phase_seconds", "Wall clock of the run's phases.", phases, "phase")
        spent = [((phase,), seconds) for result in report.results for phase, seconds in result.phases]
        self._tell(registry, "branch_phase_seconds", "Seconds of all branches together, by phase.", spent, "phase")
        found = [
            ((display(one.code), one.severity.value, one.introduced_by or "unknown"), 1)
            for result in report.results
            for one in _findings(result)
        ]
        labels = ("code", "severity", "introduced_by")
        self._tell(registry, "findings", "What detectors found, refused or not.", found, *labels)

    def _tell(self, registry: CollectorRegistry, name: str, words: str, values: Values, *labels: str) -> None:
        gauge = Gauge(f"gitalign_run_{name}", words, ("repository", *labels), registry=registry)
        for key, value in _bounded(values).items():
            gauge.labels(self._repository, *key).set(value)


def _findings(result: StepResult) -> tuple[Finding, ...]:
    return result.outcome.findings if isinstance(result.outcome, Aligned | Failed) else ()


def _bounded(values: Values) -> dict[tuple[str, ...], float]:
    """Sums, with at most so many different first labels; the rarest are taken together."""
    sums: dict[tuple[str, ...], float] = {}
    times: Counter[str] = Counter(key[0] for key, _ in values if key)
    kept = {name for name, _ in times.most_common(_MOST_VALUES)}
    for key, value in values:
        place = key if not key or key[0] in kept else (_OTHER, *key[1:])
        sums[place] = sums.get(place, 0) + value
    return dict(sorted(sums.items()))
