"""Undo: a publication in reverse, restricted to branches that still stand where the run put them. Itself a run."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitalign import wire
from gitalign.core.events import EventKind
from gitalign.core.names import branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.anchor import anchor_ref, pin, present
from gitalign.engine.move import Checkpoint, move_stacks, no_checkpoint, verified
from gitalign.engine.publish import forbidden_refs
from gitalign.engine.recovery import mark_undone
from gitalign.engine.signals import StopSignal
from gitalign.errors import GitError
from gitalign.git.push import PushOrder, push
from gitalign.git.refs import RefDoor, read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import read_checkouts
from gitalign.ports import Emitter, Journal, OwnerProbe


def preview(
    repository: Repository, journal: Journal, run_id: str, *, only: Sequence[str] = ()
) -> tuple[Publication, ...]:
    """What undoing a run would do: `intended` moves, and `held_back` ones with the reason. Changes nothing."""
    names = _names(journal, run_id) if only else {}
    chosen = [
        one
        for one in journal.publications(run_id)
        if one.state is MoveState.MOVED
        and (
            not only or any(fnmatch.fnmatchcase(name, glob) for name in names.get(one.update.ref, ()) for glob in only)
        )
    ]
    now = read_refs(repository, "refs/heads")
    there = present(repository, sorted({one.update.before for one in chosen if not is_zero(one.update.before)}))
    held = {
        checkout.ref: checkout.path
        for checkout in read_checkouts(repository, of_interest={one.update.ref for one in chosen})
    }
    return tuple(
        _reversed(
            one,
            stands=now.get(one.update.ref),
            survives=is_zero(one.update.before) or one.update.before in there,
            work_tree=held.get(one.update.ref),
        )
        for one in chosen
    )


def _names(journal: Journal, run_id: str) -> dict[str, tuple[str, ...]]:
    """Moved ref -> its branch name, and that of the branch it was moved for."""
    plan = wire.load_plan(journal.plan_json(run_id))
    made_for = {step.moved_ref: step.branch.name for step in plan.steps if step.integration is not None}
    return {
        one.update.ref: (branch_of(one.update.ref), *([made_for[one.update.ref]] if one.update.ref in made_for else []))
        for one in journal.publications(run_id)
    }


def _reversed(one: Publication, *, stands: str | None, survives: bool, work_tree: str | None) -> Publication:
    back = Publication(
        update=RefUpdate(ref=one.update.ref, before=one.update.after, after=one.update.before),
        stack=one.stack,
        state=MoveState.INTENDED,
        work_tree=work_tree,
        remote=one.remote if one.push is PushState.PUSHED else None,
        remote_before=one.update.after if one.push is PushState.PUSHED and one.remote_before is not None else None,
    )
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


def undo(
    repository: Repository,
    journal: Journal,
    run_id: str,
    *,
    new_run_id: str,
    only: Sequence[str],
    push: bool,
    emit: Emitter,
    stop: StopSignal,
    started_at: datetime,
    owner: str,
    is_alive: OwnerProbe,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Publication, ...]:
    """Put back what a run moved.

    Args:
        run_id: the run to undo; an undo can be undone too.
        new_run_id: the run that this undo is.
        only: globs over branch names.
        push: put back on the remote too what the run pushed, leased on what it pushed.
        checkpoint: called before each effect; tests end the process there.

    Raises:
        GitError, StoreError
    """
    plan_json = journal.plan_json(run_id)
    plan = wire.load_plan(plan_json)
    publications = preview(repository, journal, run_id, only=only)
    record = RunRecord(
        id=new_run_id,
        kind=RunKind.UNDO,
        state=RunState.INTEGRATING,
        started_at=started_at,
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id=plan.id,
        total=len(publications),
        undoes=run_id,
        owner=owner,
    )
    journal.begin_run(record, plan_json=plan_json)
    emit(EventKind.RUN_STARTED, undoes=run_id, branches=len(publications))
    taken = journal.claim(
        new_run_id,
        [one.update.ref for one in publications if one.state is MoveState.INTENDED],
        owner=owner,
        is_alive=is_alive,
    )
    publications = tuple(
        replace(one, state=MoveState.HELD_BACK, detail=f"run {taken[one.update.ref].run_id} is working on it")
        if one.update.ref in taken
        else one
        for one in publications
    )
    door = RefDoor(repository, forbidden=forbidden_refs(plan), message=f"git-align run {new_run_id}: undo {run_id}")
    try:
        checkpoint("journal")
        journal.intend(new_run_id, publications, anchor=anchor_ref(new_run_id))
        checkpoint("pin")
        if any(one.state is MoveState.INTENDED for one in publications):
            refusal = pin(repository, door, run_id=new_run_id, publications=publications, at=started_at)
            if refusal is not None:
                raise GitError(
                    f"cannot pin the run's commits: {refusal.reason}", hint="git align resume", code="ref_locked"
                )
            emit(EventKind.PINNED, ref=anchor_ref(new_run_id))
        publications = move_stacks(
            repository,
            door,
            publications,
            run_id=new_run_id,
            journal=journal,
            emit=emit,
            stop=stop,
            checkpoint=checkpoint,
        )
    finally:
        door.close()
        journal.release(new_run_id)
    checkpoint("verify")
    publications = verified(repository, publications)
    emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if push:
        publications = _push_back(repository, journal, run_id, publications)
    journal.update_publications(new_run_id, publications)
    mark_undone(journal, run_id, publications)
    if any(one.state is MoveState.INTENDED for one in publications):
        return publications  # stopped half-way: `resume` finishes it
    well = all(
        one.state is MoveState.MOVED and not one.detail and one.push is not PushState.REJECTED for one in publications
    )
    journal.set_state(
        new_run_id, RunState.FINISHED, outcome="ok" if well else "attention", finished_at=datetime.now(UTC)
    )
    emit(EventKind.RUN_FINISHED, outcome="ok" if well else "attention")
    return publications


def _push_back(
    repository: Repository, journal: Journal, run_id: str, publications: Sequence[Publication]
) -> tuple[Publication, ...]:
    """Give the remote back what it held before the run, where it still holds what the run pushed. Deletes nothing there."""
    was = {one.update.ref: one for one in journal.publications(run_id)}
    orders: dict[str, list[PushOrder]] = {}
    for one in publications:
        original = was[one.update.ref].remote_before
        if (
            one.state is MoveState.MOVED
            and one.remote is not None
            and one.remote_before is not None
            and original is not None
        ):
            orders.setdefault(one.remote, []).append(
                PushOrder(ref=one.update.ref, after=original, lease=one.remote_before)
            )
    verdicts = {verdict.ref: verdict for remote, batch in orders.items() for verdict in push(repository, remote, batch)}
    return tuple(
        replace(one, push=verdicts[one.update.ref].state, push_detail=verdicts[one.update.ref].detail)
        if one.update.ref in verdicts
        else one
        for one in publications
    )
