"""Documents: the report of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitalign.core.publication import Publication
from gitalign.core.report import BranchReport, Report
from gitalign.documents.formats import opened, parsed, pieces, stamped, whole
from gitalign.documents.house_rules import dump_judged_compliance
from gitalign.documents.moves import dump_move, load_move
from gitalign.documents.outcomes import dump_outcome
from gitalign.documents.plans import dump_exclusion, dump_target
from gitalign.documents.reading import Malformed, as_float, as_int, as_text, each, field, mapping, time_text
from gitalign.documents.runs import dump_run
from gitalign.documents.validations import dump_validation

if TYPE_CHECKING:
    from gitalign.documents.models.reports import BranchReportDocument, ReportDocument

_PHASES = mapping(as_float)


def dump_branch_report(value: BranchReport) -> BranchReportDocument:
    """What became of one branch."""
    step, result = value.step, value.result
    return {
        "branch": step.branch.name,
        "target": step.target.name,
        "verdict": value.verdict,
        "detail": value.detail,
        "reason_for_target": step.branch.reason,
        "strategy": step.strategy,
        "kind": step.kind,
        "integration_branch": step.integration,
        "own_commits": step.own_commits,
        "behind": step.behind,
        "merges": step.merges,
        "stack": step.stack,
        "notes": list(step.notes),
        "outcome": dump_outcome(result.outcome),
        "detection": result.detection,
        "validation": dump_validation(result.validation),
        "documentation": result.documentation,
        "house_rules": None if result.compliance is None else dump_judged_compliance(result.compliance),
        "summary": result.summary,
        "duration_s": round(result.duration_s, 6),
        "phases": _rounded(result.phases),
        "attempts": result.attempts,
        "publication": None if value.publication is None else dump_move(value.publication),
    }


def dump_report(value: Report) -> ReportDocument:
    """A report without its name and version."""
    document: Any = whole(_members(value))
    typed: ReportDocument = document
    return typed


def dump(value: Report) -> dict[str, Any]:
    """A report as a document."""
    return stamped("report", dump_report(value))


def text_pieces(value: Report, *, indent: int | None = None) -> Iterator[str]:
    """A report as JSON text in ASCII, in pieces: a report on many branches is never held whole."""
    return pieces(stamped("report", _members(value)), indent=indent)


def _members(value: Report) -> dict[str, Any]:
    """The members of a report; those of which there may be very many are iterators."""
    return {
        "run": dump_run(value.run),
        "exit_code": value.exit_code(),
        "counts": value.counts(),
        "targets": [dump_target(target) for target in value.plan.targets],
        "branches": map(dump_branch_report, value.branches()),
        "moves": map(dump_move, value.publications),
        "excluded": map(dump_exclusion, value.plan.excluded),
        "phases": _rounded(value.phases),
        "peak_memory_bytes": value.peak_memory_bytes,
        "processor_s": round(value.processor_s, 6),
        "breaker_tripped": value.breaker_tripped,
        "notices": list(value.notices),
        "executed_at": time_text(value.executed_at),
        "total_s": round(value.total_s, 6),
        "waiting_pushes": map(dump_move, value.waiting),
    }


def _rounded(phases: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {name: round(seconds, 6) for name, seconds in phases}


@dataclass(frozen=True, slots=True)
class ReportExtras:
    """What only the report file knows of a run: its timings and notices, and which pushes of earlier runs waited."""

    phases: tuple[tuple[str, float], ...] = ()
    peak_memory_bytes: int = 0
    processor_s: float = 0.0
    notices: tuple[str, ...] = ()
    waiting: tuple[Publication, ...] = ()


def read_extras(path: Path) -> ReportExtras:
    """Timings and notices of a stored report; nothing when there is no readable one."""
    try:
        data = opened(parsed(path.read_text(encoding="ascii")), "report")
        return ReportExtras(
            phases=tuple(field(data, "phases", _PHASES).items()),
            peak_memory_bytes=field(data, "peak_memory_bytes", as_int),
            processor_s=field(data, "processor_s", as_float, 0.0),
            notices=each(data, "notices", as_text),
            waiting=each(data, "waiting_pushes", load_move, ()),
        )
    except (OSError, UnicodeDecodeError, Malformed):
        return ReportExtras()
