"""Finishing what was cut off, and continuing what was stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from gitalign.core.events import Event, EventKind
from gitalign.core.plan import Permit
from gitalign.core.report import Report, is_decided
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.engine.publishing.anchor import mend_anchors
from gitalign.engine.publishing.push_recovery import settle_earlier, settle_late
from gitalign.engine.publishing.recovery_claim import recovery_claim
from gitalign.engine.run.carry_out import Assignment, carry_out
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.dead_runs import take_over as count_as_gone
from gitalign.engine.run.frozen_settings import CannotGoOn, changed_keys, gate_of
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import OpenRepository, has_state, journal_of, open_for, require_state
from gitalign.engine.run.session import Request as Request
from gitalign.errors import UserError
from gitalign.facade.following import Following, caller_of
from gitalign.ports import Journal


def resume(
    request: Request,
    *,
    take_over: str | None = None,
    **following: Unpack[Following],
) -> tuple[Report, ...]:
    """Finish or roll back every run that was cut off, then go on with those that were stopped before they published.

    Args:
        request: which repository.
        take_over: a run whose process is gone although that cannot be seen from here: another machine that will not come
            back, or a file system without locks.
        following: see `Following`.

    Returns:
        Reports of the runs that were recovered or went on; empty when there was nothing to do.

    A run goes on under the settings it began with. One whose gate cannot be applied any more moves nothing: its report says
    why, and it counts as failed.

    Raises:
        UnknownRun, UserError: nothing to take over.
        OtherSettings: the request gives other settings than a run began with.
        GitError, StoreError, PluginError
    """
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    if not has_state(opened):
        return ()
    reports: list[Report] = []
    with journal_of(opened) as journal:
        if take_over is not None:
            count_as_gone(opened, journal, take_over)
        recovered = recover_dead(opened, journal, caller)
        mend_anchors(opened.repository)
        reports += [
            stored_report(opened.repository, journal, run_id)
            for run_id in dict.fromkeys(one.run_id for one in recovered)
            if journal.run(run_id).state is not RunState.INTERRUPTED and journal.publications(run_id)
        ]
        known = {one.run_id for one in recovered}
        asked = [one.id for one in settle_earlier(opened.repository, journal) if one.id not in known]
        reports += [stored_report(opened.repository, journal, run_id) for run_id in asked]
        if _stopped(journal):
            with recovery_claim(opened.repository.state_dir, name="resume"):
                for record in _stopped(journal):  # read again: another process may have gone on with them
                    if not caller.stop.stop_requested:
                        reports.append(_gone_on(opened, journal, record, caller))
    return tuple(reports)


def _stopped(journal: Journal) -> list[RunRecord]:
    return [one for one in journal.runs_in((RunState.INTERRUPTED,)) if one.kind is RunKind.ALIGN]


def go_on(request: Request, run_id: str, *, given_by: str, **following: Unpack[Following]) -> Report:
    """Go on with one run that was stopped before it published, after what dead processes left is finished or rolled back.

    Args:
        request: which repository.
        run_id: of the run; a run that is over is reported as it stands.
        given_by: who permits it, for the journal.
        following: see `Following`.

    Raises:
        UnknownRun, OtherSettings, GitError, StoreError, PluginError
        UserError: another process carries the run out.
    """
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
        mend_anchors(opened.repository)
        run_id = journal.run(run_id).id
        with recovery_claim(opened.repository.state_dir, name="resume"):
            record = journal.run(run_id)  # read again: another process may have gone on with it
            if record.state in UNFINISHED:
                raise UserError(f"run {run_id} is under way", hint="git align runs", code="under_way")
            if record.state is RunState.INTERRUPTED and record.kind is RunKind.ALIGN:
                return _gone_on(opened, journal, record, caller, given_by=given_by)
        return stored_report(opened.repository, journal, run_id)


def _gone_on(
    opened: OpenRepository, journal: Journal, record: RunRecord, caller: Caller, *, given_by: str | None = None
) -> Report:
    """Carry out again what a run was stopped in, under the gate it began with; without that gate nothing moves."""
    try:
        then = gate_of(opened, record.id)
        stored = journal.plan(record.id)
    except CannotGoOn as refusal:
        journal.set_state(record.id, RunState.FAILED, outcome="failed")
        report = stored_report(opened.repository, journal, record.id)
        told = f"run {record.id} does not go on: {refusal.message}. Nothing of it had moved. Begin again: git align run"
        return replace(report, notices=(*report.notices, told))

    if settle_late(opened.repository, journal, record.id):
        return _arrived(opened, journal, record)

    def handed_over(event: Event) -> None:
        # From here on the new run says what is to be done; if it is killed, it is recovered in its own right.
        if event.kind is EventKind.RUN_STARTED:
            journal.set_state(record.id, RunState.FINISHED, outcome="continued")

    try:
        # What was begun about a remote's branches was confirmed with its push.
        is_about_remote = stored.snapshot.branches_of is not None
        permit = Permit(plan_id=stored.id, push=is_about_remote, given_by=given_by or f"resume of {record.id}")
        assignment = Assignment(opened=then, journal=journal, plan=stored, permit=permit)
        report = carry_out(assignment, replace(caller, listeners=[handed_over, *caller.listeners]))
    except BaseException:
        if journal.runs(limit=1)[0].state is RunState.FAILED:
            journal.set_state(record.id, RunState.INTERRUPTED, outcome="interrupted")
        raise
    if not all(map(is_decided, report.publications)) and settle_late(opened.repository, journal, record.id):
        told = f"what run {record.id} had sent arrived after all; this takes it back: git align undo --push {record.id}"
        report = replace(report, notices=(*report.notices, told))
    changed = changed_keys(then.config, opened.config)
    if not changed:
        return report
    note = f"settings changed since run {record.id} began; it went on with those it began with: {', '.join(changed)}"
    return replace(report, notices=(*report.notices, note))


def _arrived(opened: OpenRepository, journal: Journal, record: RunRecord) -> Report:
    """The report of a run that does not go on, for the remote has what it sent."""
    is_well = all(map(is_decided, journal.publications(record.id)))
    journal.set_state(record.id, RunState.FINISHED, outcome="ok" if is_well else "attention")
    return stored_report(opened.repository, journal, record.id)


def recover(request: Request, **following: Unpack[Following]) -> tuple[str, ...]:
    """Finish or roll back what dead processes left unfinished, as every verb does that moves something; their ids.

    Args:
        request: which repository.
        following: see `Following`. A recovery ends when its git processes are ended, and the next command goes on with it.

    Raises:
        GitError, StoreError
    """
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    if not has_state(opened):
        return ()
    with journal_of(opened) as journal:
        return tuple(dict.fromkeys(one.run_id for one in recover_dead(opened, journal, caller)))
