"""Runs, and what they came to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from gitalign.core.events import EventKind
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.run.session import (
    Request,
    has_state,
    journal_of,
    open_for,
    require_state,
)
from gitalign.engine.runtime.signals import StopSignal

if TYPE_CHECKING:
    from gitalign.core.report import Report
    from gitalign.ports import Listener


_LOOKED_THROUGH = 200
"""Runs, newest first, among which one is looked for by its permit."""


class AlignablePointSource(StrEnum):
    """Where to learn how far conflicting branches align."""

    NOWHERE = "nowhere"
    """From the run alone, if it looked."""
    MEMORY = "memory"
    """From what was found before, too; merges nothing."""
    GIT = "git"
    """From git, where memory does not know it."""


def runs(request: Request, *, states: Collection[RunState] | None = None) -> tuple[RunRecord, ...]:
    """Runs of the repository, newest first. Changes nothing.

    Args:
        request: which repository.
        states: only runs in one of these; every run without them.
    """
    opened = open_for(request)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return journal.runs() if states is None else journal.runs_in(states)


def run_permitted_as(request: Request, given_by: str, *, plan_id: str) -> RunRecord | None:
    """The newest run of a plan that was permitted with these words; None when there is none. Changes nothing.

    Args:
        request: which repository.
        given_by: as in its permit.
        plan_id: of the plan.
    """
    opened = open_for(request)
    if not has_state(opened):
        return None
    with journal_of(opened) as journal:
        for record in journal.runs(limit=_LOOKED_THROUGH):
            if record.plan_id != plan_id or record.kind is not RunKind.ALIGN:
                continue
            first = next((event for event in journal.events(record.id) if event.kind is EventKind.RUN_STARTED), None)
            if first is not None and first.data.get("permit") == given_by:
                return record
    return None


def show(
    request: Request,
    run_id: str = "last",
    *,
    furthest: AlignablePointSource = AlignablePointSource.NOWHERE,
    branches: Sequence[str] | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Report:
    """The report of one run, by id, unambiguous prefix or `last`. Moves nothing.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`.
        furthest: where to learn how far conflicting branches align, if the run did not look.
        branches: whom to learn that of; all when None.
        listeners: followers of the search.
        stop: the stop button.

    Raises:
        UnknownRun, GitError, OutOfSpace
    """
    from gitalign.engine.run.reports import stored_report

    opened = open_for(request, stop)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        report = stored_report(opened.repository, journal, journal.run(run_id).id)
        if furthest is AlignablePointSource.NOWHERE:
            return report
        from gitalign.engine.analysis.after_run import report_with_furthest
        from gitalign.engine.run.contexts import Caller, analysis_context

        caller = Caller(listeners=listeners, stop=stop or StopSignal())
        context = analysis_context(opened, journal, caller, name="furthest")
        is_cached = furthest is AlignablePointSource.MEMORY
        return report_with_furthest(context, report, branches=branches, only_cached=is_cached)
