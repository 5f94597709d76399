"""Undo: a publication in reverse, restricted to branches that still stand where the run put them. Itself a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitalign.core.events import EventKind
from gitalign.core.filters import ALL, Filters
from gitalign.core.names import branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.report import is_settled
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.publishing.anchor import anchor_ref, pin, present
from gitalign.engine.publishing.backups import remove_undone_backups
from gitalign.engine.publishing.branch_sections import settle_sections
from gitalign.engine.publishing.guard import Guard, held_if_guarded
from gitalign.engine.publishing.move import Checkpoint, move_stacks, no_checkpoint, verified
from gitalign.engine.publishing.pushing import Pusher, to_give_back
from gitalign.engine.publishing.undone import has_only_pushed, mark_undone
from gitalign.engine.run.filtering import with_commits
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitError, UserError
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import read_checkouts
from gitalign.ports import Emitter, Journal, OwnerProbe


def preview(
    repository: Repository, journal: Journal, run_id: str, *, guard: Guard, filters: Filters = ALL, push: bool = False
) -> tuple[Publication, ...]:
    """What undoing a run would do: `intended` moves, and `held_back` ones with the reason. Changes nothing.

    Args:
        repository: the repository.
        journal: of the repository.
        run_id: the run to undo.
        guard: decides what must not move, whatever the journal says.
        filters: which branches are asked for; they look at the commit where the run put a branch.
        push: put remotes back, too; then branches that stand where they stood already, or never moved, are among these.
    """
    names = _names(journal, run_id) if not filters.are_none else {}
    guarded = guard.refs(journal.plan(run_id))
    wanted = (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS) if push else (MoveState.MOVED,)
    moved = [one for one in journal.publications(run_id) if one.state in wanted]
    if filters.reads_commits:
        filters = with_commits(repository, filters, present(repository, sorted({one.update.after for one in moved})))
    chosen = [
        one for one in moved if filters.are_none or filters.takes(names.get(one.update.ref, ()), one.update.after)
    ]
    now = read_refs(repository, "refs/heads")
    there = present(repository, sorted({one.update.before for one in chosen if not is_zero(one.update.before)}))
    held = {
        checkout.ref: checkout.path
        for checkout in read_checkouts(repository, of_interest={one.update.ref for one in chosen})
    }
    history = journal.history_of(one.update.ref for one in chosen) if push else {}
    back = [
        _reversed(
            one,
            stands=now.get(one.update.ref),
            survives=is_zero(one.update.before) or one.update.before in there,
            work_tree=held.get(one.update.ref),
        )
        for one in chosen
    ]
    back = list(held_if_guarded(back, guarded))
    if push:
        back = [to_give_back(one, history.get(one.update.ref, ()), of=of) for one, of in zip(back, chosen, strict=True)]
    return tuple(one for one in back if one.state is not MoveState.STANDS or one.push is not PushState.NOT_ASKED)


def _names(journal: Journal, run_id: str) -> dict[str, tuple[str, ...]]:
    """Moved ref -> its branch name, and that of the branch it was moved for."""
    plan = journal.plan(run_id)
    made_for = {step.moved_ref: step.branch.name for step in plan.steps if step.integration is not None}
    return {
        one.update.ref: (branch_of(one.update.ref), *([made_for[one.update.ref]] if one.update.ref in made_for else []))
        for one in journal.publications(run_id)
    }


def _reversed(one: Publication, *, stands: str | None, survives: bool, work_tree: str | None) -> Publication:
    back = Publication(
        update=RefUpdate(ref=one.update.ref, before=one.update.after, after=one.update.before),
        stack=one.stack,
        state=MoveState.INTENDED if one.state is MoveState.MOVED else MoveState.STANDS,
        work_tree=work_tree,
        section=one.section,
    )
    if one.state is not MoveState.MOVED:
        return back
    if (stands or zero_like(one.update.after)) != one.update.after:
        where = f"stands at {stands[:12]}" if stands else "is gone"
        return replace(back, state=MoveState.HELD_BACK, detail=f"it {where}, not where the run put it; left alone")
    if work_tree is not None and is_zero(one.update.before):
        return replace(back, state=MoveState.HELD_BACK, detail=f"it was made by the run, and {work_tree} is on it now")
    if not survives:
        return replace(
            back, state=MoveState.HELD_BACK, detail=f"commit {one.update.before[:12]} is not in the repository any more"
        )
    return back


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What an undo needs to know.

    Attributes:
        run_id: the run to undo; an undo can be undone too.
        new_run_id: the run that this undo is.
        filters: which branches are asked for; they look at the commit where the run put a branch.
        push: put back on the remote too what was pushed, leased on what was pushed.
        started_at: in UTC.
        owner: this process.
        is_alive: tells whether another one still lives.
        guard: decides what must not move.
    """

    run_id: str
    new_run_id: str
    filters: Filters
    push: bool
    started_at: datetime
    owner: str
    is_alive: OwnerProbe
    guard: Guard


def undo(
    repository: Repository,
    journal: Journal,
    what: Undo,
    *,
    pusher: Pusher,
    emit: Emitter,
    stop: StopSignal,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Publication, ...]:
    """Put back what a run moved.

    Args:
        repository: the repository.
        journal: of the repository.
        what: is undone.
        pusher: puts remotes back.
        emit: tells what happens.
        stop: the stop button.
        checkpoint: called before each effect; tests end the process there.

    Raises:
        UserError: the run moved nothing that could be put back.
        GitError, StoreError
    """
    plan_json = journal.plan_json(what.run_id)
    plan = journal.plan(what.run_id)
    publications = preview(repository, journal, what.run_id, guard=what.guard, filters=what.filters, push=what.push)
    if not publications:
        record = journal.run(what.run_id)
        raise _nothing_to_undo(record, what, only_pushed=has_only_pushed(journal, record))
    record = RunRecord(
        id=what.new_run_id,
        kind=RunKind.UNDO,
        state=RunState.INTEGRATING,
        started_at=what.started_at,
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id=plan.id,
        total=len(publications),
        undoes=what.run_id,
        owner=what.owner,
    )
    journal.begin_run(record, plan_json=plan_json)
    emit(EventKind.RUN_STARTED, undoes=what.run_id, branches=len(publications))
    publications = _claimed(journal, what, publications)
    words = f"git-align run {what.new_run_id}: undo {what.run_id}"
    door = RefUpdater(repository, forbidden=what.guard.refs(plan), message=words)
    try:
        checkpoint("journal")
        journal.intend(what.new_run_id, publications, anchor=anchor_ref(what.new_run_id))
        checkpoint("pin")
        if any(one.state is not MoveState.HELD_BACK for one in publications):
            refusal = pin(
                repository,
                door,
                run_id=what.new_run_id,
                publications=publications,
                targets=plan.targets,
                at=what.started_at,
            )
            if refusal is not None:
                raise GitError(
                    f"cannot pin the run's commits: {refusal.reason}", hint="git align resume", code="ref_locked"
                )
            emit(EventKind.PINNED, ref=anchor_ref(what.new_run_id))
        publications = move_stacks(
            repository,
            door,
            publications,
            run_id=what.new_run_id,
            journal=journal,
            emit=emit,
            stop=stop,
            checkpoint=checkpoint,
        )
    finally:
        door.close()
        journal.release(what.new_run_id)
    checkpoint("verify")
    publications = verified(repository, publications)
    settle_sections(repository, publications, emit=emit)
    emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if what.push and not stop.stop_requested:
        checkpoint("push")
        publications = pusher.back(publications)
    checkpoint("end")
    journal.update_publications(what.new_run_id, publications)
    mark_undone(journal, what.run_id, publications, by=what.new_run_id)
    checkpoint("marked")
    remove_undone_backups(repository, journal, record, emit=emit)
    checkpoint("backups removed")
    if any(one.state is MoveState.INTENDED for one in publications):
        return publications  # stopped half-way: `resume` finishes it
    outcome = "ok" if all(map(is_settled, publications)) else "attention"
    journal.set_state(what.new_run_id, RunState.FINISHED, outcome=outcome, finished_at=datetime.now(UTC))
    emit(EventKind.RUN_FINISHED, outcome=outcome)
    return publications


def _nothing_to_undo(record: RunRecord, what: Undo, *, only_pushed: bool) -> UserError:
    """Why there is nothing to put back."""
    if only_pushed and not what.push:
        reason, hint = "moved nothing here, it only pushed", f"git align undo {record.id} --push"
    elif what.filters.only:
        reason, hint = (
            f"moved no branch that matches {', '.join(what.filters.only)} and is not undone",
            "git align runs",
        )
    elif not what.filters.are_none:
        reason, hint = "moved no branch that passes the filters and is not undone", "git align runs"
    else:
        reason, hint = "moved nothing", "git align runs"
    return UserError(f"run {record.id} {reason}", hint=hint, code="nothing_to_undo")


def _claimed(journal: Journal, what: Undo, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications, with those held back whose branch another run is working on."""
    wanted = [one.update.ref for one in publications if one.state is not MoveState.HELD_BACK]
    taken = journal.claim(what.new_run_id, wanted, owner=what.owner, is_alive=what.is_alive)
    return tuple(
        replace(one, state=MoveState.HELD_BACK, detail=f"run {taken[one.update.ref].run_id} is working on it")
        if one.update.ref in taken
        else one
        for one in publications
    )


def push_back(journal: Journal, run_id: str, *, pusher: Pusher) -> None:
    """Put remotes back as an undo did branches: for one that was cut off, or did not push when it was made.

    Args:
        journal: of the repository.
        run_id: the undo.
        pusher: puts remotes back.
    """
    known = journal.publications(run_id)
    history = journal.history_of(one.update.ref for one in known)
    publications = pusher.back([to_give_back(one, history.get(one.update.ref, ())) for one in known])
    journal.update_publications(run_id, publications)
    outcome = "ok" if all(map(is_settled, publications)) else "attention"
    journal.set_state(run_id, RunState.FINISHED, outcome=outcome)
