"""Which runs are undone, and which one `undo last` means: what the journal says only after it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.errors import UserError
from gitalign.ports import Journal

_MADE = (MoveState.MOVED, MoveState.UNDONE)


def mark_undone(journal: Journal, undone_id: str, publications: Sequence[Publication], *, by: str) -> None:
    """Note in the run that was undone, and in those that it undid, which of their moves are no more, or are again.

    Done twice it says the same: what an undo put where a run had found a branch is undone, what it put where a run had
    brought it stands again.

    Args:
        journal: of the repository.
        undone_id: the run that was undone.
        publications: of the undo.
        by: id of the undo.
    """
    put = {one.update.ref: one.update.after for one in publications if one.state is MoveState.MOVED}
    sent = {one.update.ref: one.pushed_oid for one in publications if one.push is PushState.PUSHED}
    known = journal.publications(undone_id)
    changed = [
        replace(one, state=state)
        for one in known
        if one.update.ref in put and one.state in _MADE and (state := _state(one, put[one.update.ref])) is not one.state
    ]
    journal.update_publications(undone_id, changed)
    only_pushed = [one for one in known if one.state is MoveState.STANDS and one.update.ref in sent]
    if changed or only_pushed:
        after = {one.update.ref: one.state for one in (*known, *changed)}
        given_back = any(sent[one.update.ref] == one.remote_before for one in only_pushed)
        is_undone = MoveState.UNDONE in after.values() or given_back
        journal.note_undone(undone_id, by=by if is_undone else None)
    before_that = journal.run(undone_id).undoes
    if before_that is not None:
        mark_undone(journal, before_that, publications, by=by)


def _state(one: Publication, put: str) -> MoveState:
    return MoveState.UNDONE if put == one.update.before else MoveState.MOVED if put == one.update.after else one.state


def last_to_undo(journal: Journal, *, push: bool) -> RunRecord:
    """The newest run that moved something and is not undone; with `push`, one that only pushed counts, too.

    Raises:
        UserError: there is none; or it is a run about branches of a remote, which only a push takes back.
    """
    for record in journal.runs_that_stand():
        if record.state is not RunState.FINISHED:
            continue
        if record.moved > record.undone:
            return record
        if record.undone_by is not None or (record.kind is RunKind.PUSH and not push):
            continue
        if has_only_pushed(journal, record):
            if push:
                return record
            if journal.plan(record.id).snapshot.branches_of is None:
                continue  # it pushed what an earlier run moved here, which is taken back first
            raise UserError(
                f"the last run, {record.id}, changed branches on a remote only",
                hint=f"git align undo {record.id} --push",
                code="only_on_remote",
            )
    raise UserError("no run moved anything that is not undone already", hint="git align runs", code="nothing_to_undo")


def has_only_pushed(journal: Journal, record: RunRecord) -> bool:
    """Whether a run moved nothing here, and pushed something or may have."""
    return not record.moved and any(
        one.state is MoveState.STANDS and one.push in (PushState.PUSHED, PushState.UNKNOWN)
        for one in journal.publications(record.id)
    )
