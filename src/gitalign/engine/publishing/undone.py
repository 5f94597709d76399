"""Which runs are undone, and which one `undo last` means: what the journal says only after it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.errors import UserError
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal

_MADE = (MoveState.MOVED, MoveState.UNDONE)


def mark_undone(journal: Journal, undone_id: str, publications: Sequence[Publication], *, by: str | None) -> None:
    """Note in the run that was undone, and in those that it undid, which of their moves are no more, or are again.

    Done twice it says the same: what an undo put where a run had found a branch is undone, what it put where a run had
    brought it stands again.

    Args:
        journal: of the repository.
        undone_id: the run that was undone.
        publications: of the undo.
        by: id of the undo; None where no run did it.
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


def as_they_stand(repository: Repository, journal: Journal, run_id: str) -> tuple[Publication, ...]:
    """What a run moved, where the journal takes a move for gone and the branch stands again where the run put it.

    A `git pull` does that where an undo did not reach the remote, or where the branch here could not follow what a batch
    pushed. Changes nothing.

    Raises:
        UnknownRun, GitError, StoreError
    """
    known = tuple(journal.publications(run_id))
    is_batch = journal.run(run_id).kind is RunKind.BATCH
    gone = [one for one in known if one.state is MoveState.UNDONE or (is_batch and _did_not_follow(one))]
    if not gone:
        return known
    now = read_refs(repository, "refs/heads")
    back = {one.update.ref for one in gone if now.get(one.update.ref) == one.update.after}
    for other_id, other in journal.moves_of(back):
        is_same = other.state is MoveState.MOVED and now.get(other.update.ref) == other.update.after
        if is_same and journal.run(other_id).kind is not RunKind.UNDO:
            back.discard(other.update.ref)  # another run brought it there, and is what there is to undo
    return tuple(replace(one, state=MoveState.MOVED) if one.update.ref in back else one for one in known)


def note_returned(repository: Repository, journal: Journal, run_id: str) -> None:
    """Have the journal say which moves of a run stand again, as `as_they_stand` finds them, so that they can be undone.

    Raises:
        UnknownRun, GitError, StoreError
    """
    known = {one.update.ref: one.state for one in journal.publications(run_id)}
    stand = as_they_stand(repository, journal, run_id)
    back = [one for one in stand if one.state is not known[one.update.ref]]
    if not back:
        return
    journal.update_publications(run_id, back)
    undo = journal.run(run_id).undone_by
    if undo is not None:
        mark_undone(journal, undo, back, by=None)
    if MoveState.UNDONE not in {one.state for one in stand}:
        journal.note_undone(run_id, by=None)


def _did_not_follow(one: Publication) -> bool:
    return one.state is MoveState.STANDS and one.push is PushState.PUSHED and one.update.before != one.update.after


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
