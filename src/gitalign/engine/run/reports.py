"""A run's report: made when it ends, kept in its folder, and read again from the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gitalign.core.outcome import Aligned, StepResult
from gitalign.core.plan import Plan
from gitalign.core.report import Report
from gitalign.core.run import RunRecord
from gitalign.core.validation import ValidationStatus
from gitalign.documents import reports
from gitalign.engine.run.gate_files import keep_gate
from gitalign.engine.run.session import run_folder
from gitalign.errors import GitAlignError
from gitalign.git.repository import Repository
from gitalign.output_file import write_whole
from gitalign.ports import Journal
from gitalign.shared_files import adopt, make_folder

if TYPE_CHECKING:
    from gitalign.engine.run.execute import Executed
    from gitalign.engine.runtime.limits import MemoryWatch


def made_report(
    record: RunRecord, made: Plan, executed: Executed, *, started: datetime, now: datetime, memory: MemoryWatch
) -> Report:
    """The report of a run that has just come to its end."""
    return Report(
        run=record,
        plan=made,
        results=executed.results,
        publications=executed.publications,
        phases=executed.phases,
        peak_memory_bytes=memory.peak_own_bytes(),
        breaker_tripped=any(getattr(result.outcome, "code", "") == "circuit_breaker" for result in executed.results),
        notices=_notices(executed),
        executed_at=started,
        total_s=(now - started).total_seconds(),
    )


def _notices(executed: Executed) -> tuple[str, ...]:
    merged, shared, trivial = executed.merges
    unsigned = sum(result.outcome.unsigned for result in executed.results if isinstance(result.outcome, Aligned))
    notes = [f"{merged} merges made, {shared} answers shared, {trivial} needed none"]
    if (checked := _checked(executed)) is not None:
        notes.append(checked)
    if unsigned:
        notes.append(
            f"{unsigned} rewritten commits were signed before and are not now; set commit.gpgsign to sign them again"
        )
    return (*notes, *executed.not_compared)


def _checked(executed: Executed) -> str | None:
    """One line about the operator's checks; None when none were configured."""
    told = [result.validation for result in executed.results]
    statuses = [one.status for one in told if one.status is not ValidationStatus.NOT_CONFIGURED]
    if not statuses:
        return None
    words = ", ".join(f"{statuses.count(one)} {one.value}" for one in ValidationStatus if one in statuses)
    confined = next((one.confinement for one in told if one.confinement), "")
    return f"checks: {words}" + (f" ({confined})" if confined else "")


def summarised(repository: Repository, report: Report) -> Report:
    """The report with references to change summaries; what cannot be written is said, and undoes nothing."""
    from gitalign.engine.run.summaries import summaries, write_summaries

    folder = run_folder(repository, report.run.id) / "summaries"
    try:
        told = summaries(repository, report)
        written = dict(zip((one.branch for one in told), map(str, write_summaries(folder, told)), strict=True))
    except GitAlignError as error:
        return replace(report, notices=(*report.notices, f"no change summaries: {error.message}"))
    results = tuple(
        replace(result, documentation="written", summary=written[result.branch])
        if result.branch in written and result.summary is None
        else result
        for result in report.results
    )
    return replace(report, results=results)


def kept(repository: Repository, report: Report) -> Report:
    """The report, written into its run's folder with the gate's documents; what cannot be written is said, and undoes nothing."""
    try:
        keep_gate(repository, report)
        keep_report(repository, report)
    except (OSError, GitAlignError) as error:
        why = error.message if isinstance(error, GitAlignError) else f"cannot write {error.filename}: {error.strerror}"
        return replace(
            report, notices=(*report.notices, f"the report file is not written: {why}; the journal has the results")
        )
    return report


def keep_report(repository: Repository, report: Report) -> None:
    """Write it into the run's folder, whole or not at all.

    Raises:
        OSError, OutOfSpace
    """
    folder = run_folder(repository, report.run.id)
    make_folder(folder)
    write_whole(folder / "report.json", reports.text_pieces(report))
    adopt(folder / "report.json")


def stored_report(repository: Repository, journal: Journal, run_id: str) -> Report:
    """A run's report from the journal; timings come from the report file where there is one."""
    record = journal.run(run_id)
    made = journal.plan(run_id)
    results: tuple[StepResult, ...] = journal.results(run_id)
    kept = reports.read_extras(run_folder(repository, run_id) / "report.json")
    return Report(
        run=record,
        plan=made,
        results=results,
        publications=journal.publications(run_id),
        phases=kept.phases,
        peak_memory_bytes=kept.peak_memory_bytes,
        processor_s=kept.processor_s,
        breaker_tripped=any(getattr(result.outcome, "code", "") == "circuit_breaker" for result in results),
        notices=kept.notices,
        waiting=kept.waiting,
        executed_at=record.started_at,
        total_s=((record.finished_at or record.started_at) - record.started_at).total_seconds(),
    )
