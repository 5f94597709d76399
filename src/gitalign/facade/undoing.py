"""Putting back what a run moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from gitalign.core.plan import Permit
from gitalign.core.publication import Publication, PushState
from gitalign.core.report import Report
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.engine.publishing.undone import last_to_undo, note_returned
from gitalign.engine.run.contexts import Caller, new_observed_run
from gitalign.engine.run.dead_runs import guard_of, recover_dead
from gitalign.engine.run.filtering import is_filtered
from gitalign.engine.run.reports import stored_report
from gitalign.engine.run.session import (
    Request,
    has_state,
    journal_of,
    locks_of,
    open_for,
    require_state,
)
from gitalign.errors import NotPermitted
from gitalign.facade.following import Following, caller_of
from gitalign.facade.pushing import LAST, filters_for, pusher_of
from gitalign.ports import Journal


def undo(
    request: Request,
    run_id: str,
    *,
    push: bool = False,
    permit: Permit | None = None,
    **following: Unpack[Following],
) -> Report:
    """Put back what a run moved, wherever it still stands as the run left it. Itself a run, so it can be undone.

    An undo that was cut off is finished first; asked for the same again, that is all that happens. The last notice of the
    report says so where nothing was left to put back.

    Args:
        request: which repository, and which branches.
        run_id: id, unambiguous prefix, or `last`: the newest run that moved something and is not undone.
        push: put back on remotes, too, what was pushed.
        permit: to move branches.
        following: see `Following`.

    Raises:
        NotPermitted, UnknownRun, UserError, GitError, StoreError
    """
    from gitalign.engine.publishing.undo import Undo, push_back
    from gitalign.engine.publishing.undo import undo as put_back

    if permit is None:
        raise NotPermitted(
            "undoing would move branches, which was not confirmed",
            hint="add --yes, or look first with --dry-run",
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        recovered = [journal.run(one.run_id) for one in recover_dead(opened, journal, caller)]
        if run_id != LAST:
            note_returned(opened.repository, journal, journal.run(run_id).id)
        done = _done_already(journal, run_id, request, recovered)
        if done is not None:
            before = journal.publications(done.id)
            if push:
                with locks_of(opened).held(done.id):
                    push_back(journal, done.id, pusher=pusher_of(opened, journal, done.id, _silent))
            report = stored_report(opened.repository, journal, done.id)
            is_new = done.id in {one.id for one in recovered} or journal.publications(done.id) != before
            notice = () if is_new or done.undoes is None else (journal.run(done.undoes).already_undone,)
            return replace(report, notices=(*report.notices, *notice))
        chosen = _chosen(journal, run_id, push=push)
        what = Undo(
            run_id=chosen.id,
            filters=filters_for(opened, request),
            push=push,
            guard=guard_of(opened, journal, chosen),
        )
        with new_observed_run(opened, journal, caller) as run:
            put_back(run, what, pusher=pusher_of(opened, journal, run.run_id, run.emit))
        return stored_report(opened.repository, journal, run.run_id)


def _silent(kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
    """What was made before is not reported a second time."""


def _done_already(journal: Journal, run_id: str, request: Request, recovered: Sequence[RunRecord]) -> RunRecord | None:
    """The undo that is asked for, when it was made before: cut off and finished just now, or long ago."""
    finished = [one for one in recovered if one.kind is RunKind.UNDO and one.state is RunState.FINISHED]
    if run_id == LAST:
        return finished[-1] if finished else None
    asked = journal.run(run_id)
    if asked.moved and asked.undone == asked.moved and asked.undone_by is not None and not is_filtered(request):
        return journal.run(asked.undone_by)
    return None


def _cut_off(journal: Journal, run_id: str) -> RunRecord | None:
    """An undo that was cut off, and that is to be finished before anything else is undone."""
    asked = None if run_id == LAST else journal.run(run_id).id
    for record in journal.runs_in((RunState.PUBLISHING,)):
        if record.kind is RunKind.UNDO and asked in (None, record.undoes):
            return record
    return None


def recover_before_undo(request: Request, run_id: str) -> None:
    """Finish or roll back what dead processes left, and note what stands again, so that a preview shows what `undo` will do.

    An undo that was cut off stays as it is: `undo` finishes it, and does nothing else then.

    Raises:
        UnknownRun, GitError, StoreError
    """
    opened = open_for(request)
    if not has_state(opened):
        return
    with journal_of(opened) as journal:
        if _cut_off(journal, run_id) is None:
            recover_dead(opened, journal, Caller())
            if run_id != LAST:
                note_returned(opened.repository, journal, journal.run(run_id).id)


def cut_off_runs(request: Request) -> tuple[str, ...]:
    """Ids of runs whose process ended before they did: `undo` finishes them, or takes them back, before anything else.

    Raises:
        StoreError
    """
    opened = open_for(request)
    if not has_state(opened):
        return ()
    is_alive = locks_of(opened).is_alive
    with journal_of(opened) as journal:
        return tuple(record.id for record in journal.runs_in(UNFINISHED) if not is_alive(record.owner))


def is_on_a_remote(request: Request, run_id: str) -> bool:
    """Whether remotes got what a run moved, as far as the journal knows."""
    opened = open_for(request)
    with journal_of(opened) as journal:
        made = {one.update.ref: one.update.after for one in journal.publications(run_id)}
        history = journal.history_of(made)
    last = {
        ref: next((one.pushed_oid for one in reversed(history.get(ref, ())) if one.push is PushState.PUSHED), None)
        for ref in made
    }
    return any(last[ref] == after for ref, after in made.items())


def _chosen(journal: Journal, run_id: str, *, push: bool) -> RunRecord:
    return last_to_undo(journal, push=push) if run_id == LAST else journal.run(run_id)


def run_to_undo(request: Request, run_id: str, *, push: bool = False) -> RunRecord:
    """The run that `undo` would undo; one that was cut off comes first.

    Raises:
        UnknownRun, UserError
    """
    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        return _cut_off(journal, run_id) or _chosen(journal, run_id, push=push)


def undo_preview(request: Request, run_id: str, *, push: bool = False) -> tuple[Publication, ...]:
    """What `undo` would move, and what it would leave and why. Changes nothing.

    Raises:
        UnknownRun, UserError, GitError
    """
    from gitalign.engine.publishing.undo import preview
    from gitalign.engine.publishing.undo_obstacles import with_obstacles

    opened = open_for(request)
    require_state(opened, run_id)
    with journal_of(opened) as journal:
        cut_off = _cut_off(journal, run_id)
        if cut_off is not None:
            return journal.publications(cut_off.id)
        chosen = _chosen(journal, run_id, push=push)
        guard = guard_of(opened, journal, chosen)
        filters = filters_for(opened, request)
        back = preview(opened.repository, journal, chosen.id, guard=guard, filters=filters, push=push)
    return with_obstacles(opened.repository, back)
