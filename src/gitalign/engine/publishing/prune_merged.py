"""Deleting merged branches, here or on a remote: a run like any other, with journal, pins and undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitalign.core.events import EventKind
from gitalign.core.merged import Merged, MergedBranch
from gitalign.core.names import ref_of, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.report import is_settled
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.documents import wire
from gitalign.engine.publishing.anchor import anchor_ref, pin
from gitalign.engine.publishing.branch_sections import settle_sections
from gitalign.engine.publishing.guard import Guard, held_if_guarded, not_pushed_if_guarded
from gitalign.engine.publishing.move import Checkpoint, move_stacks, no_checkpoint, verified
from gitalign.engine.publishing.pushing import Pusher, to_push
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitError
from gitalign.git.branch_config import read_sections
from gitalign.git.refs import RefUpdater
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Journal, OwnerProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What a deletion needs to know.

    Attributes:
        run_id: the run that it is.
        found: what was looked at.
        branches: those to delete, all of one place.
        started_at: in UTC.
        owner: this process.
        is_alive: tells whether another one still lives.
        guard: decides what must not go.
    """

    run_id: str
    found: Merged
    branches: Sequence[MergedBranch]
    started_at: datetime
    owner: str
    is_alive: OwnerProbe
    guard: Guard


def delete_merged(
    repository: Repository,
    journal: Journal,
    what: Deletion,
    *,
    pusher: Pusher,
    emit: Emitter,
    stop: StopSignal,
    checkpoint: Checkpoint = no_checkpoint,
) -> None:
    """Delete branches, each only if it still stands where it was seen.

    Args:
        repository: the repository.
        journal: of the repository.
        what: is deleted.
        pusher: deletes on remotes.
        emit: tells what happens.
        stop: the stop button.
        checkpoint: called before each effect; tests end the process there.

    Raises:
        GitError, StoreError: what has been intended is in the journal, and `resume` finishes it.
    """
    plan = what.found.plan
    forbidden = what.guard.refs(plan)
    publications = not_pushed_if_guarded(held_if_guarded(_intended(repository, what.branches), forbidden), forbidden)
    record = RunRecord(
        id=what.run_id,
        kind=RunKind.PRUNE,
        state=RunState.INTEGRATING,
        started_at=what.started_at,
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id=plan.id,
        total=len(publications),
        owner=what.owner,
    )
    journal.begin_run(record, plan_json=wire.dumps(plan))
    emit(EventKind.RUN_STARTED, branches=len(publications))
    publications = _claimed(journal, what, publications)
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {what.run_id}: prune merged branches")
    try:
        checkpoint("journal")
        journal.intend(what.run_id, publications, anchor=anchor_ref(what.run_id))
        checkpoint("pin")
        refusal = pin(
            repository, door, run_id=what.run_id, publications=publications, targets=plan.targets, at=what.started_at
        )
        if refusal is not None:
            raise GitError(
                f"cannot pin the run's commits: {refusal.reason}", hint="git align resume", code="ref_locked"
            )
        emit(EventKind.PINNED, ref=anchor_ref(what.run_id))
        publications = move_stacks(
            repository,
            door,
            publications,
            run_id=what.run_id,
            journal=journal,
            emit=emit,
            stop=stop,
            checkpoint=checkpoint,
        )
    finally:
        door.close()
        journal.release(what.run_id)
    publications = verified(repository, publications)
    checkpoint("sections")
    settle_sections(repository, publications, emit=emit)
    if not stop.stop_requested:
        checkpoint("push")
        publications = pusher.away(publications)
    checkpoint("end")
    journal.update_publications(what.run_id, publications)
    if any(one.state is MoveState.INTENDED for one in publications):
        return  # stopped half-way: `resume` finishes it
    outcome = "ok" if all(map(is_settled, publications)) else "attention"
    journal.set_state(what.run_id, RunState.FINISHED, outcome=outcome, finished_at=datetime.now(UTC))
    emit(EventKind.RUN_FINISHED, outcome=outcome)


def _intended(repository: Repository, branches: Sequence[MergedBranch]) -> tuple[Publication, ...]:
    sections = read_sections(repository, [one.branch for one in branches if one.remote is None])
    made: list[Publication] = []
    for number, one in enumerate(branches):
        publication = Publication(
            update=RefUpdate(ref=ref_of(one.branch), before=one.tip, after=zero_like(one.tip)),
            stack=number,
            state=MoveState.INTENDED if one.remote is None else MoveState.STANDS,
            section=sections.get(one.branch, ()) if one.remote is None else (),
        )
        made.append(publication if one.remote is None else to_push(publication, one.place))
    return tuple(made)


def _claimed(journal: Journal, what: Deletion, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications, with those held back whose branch another run is working on."""
    wanted = [one.update.ref for one in publications]
    taken = journal.claim(what.run_id, wanted, owner=what.owner, is_alive=what.is_alive)
    return tuple(
        replace(one, state=MoveState.HELD_BACK, detail=f"run {taken[one.update.ref].run_id} is working on it")
        if one.update.ref in taken
        else one
        for one in publications
    )
