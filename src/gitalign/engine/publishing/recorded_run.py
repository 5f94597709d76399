"""What all runs that move, delete or push branches have in common: record, claims, journal, pins, moves, end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.events import EventKind
from gitalign.core.plan import Target
from gitalign.core.publication import MoveState, Publication
from gitalign.core.report import is_decided
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.publishing.anchor import Holder, anchor_ref, pin
from gitalign.engine.publishing.held_ahead import HeldAhead
from gitalign.engine.publishing.move import move_stacks
from gitalign.engine.runtime.context import RunContext
from gitalign.git.refs import RefUpdater


def new_record(run: RunContext, kind: RunKind, *, plan_id: str, total: int, undoes: str | None = None) -> RunRecord:
    """The record of a run that begins now.

    Args:
        run: the run.
        kind: what it does to refs.
        plan_id: of its plan.
        total: how many branches it is about.
        undoes: the run that an undo puts back.
    """
    return RunRecord(
        id=run.run_id,
        kind=kind,
        state=RunState.INTEGRATING,
        started_at=run.started_at,
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id=plan_id,
        total=total,
        undoes=undoes,
        owner=run.owner,
    )


def claimed(run: RunContext, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications, with those held back whose branch another run is working on."""
    wanted = [one.update.ref for one in publications if one.state is not MoveState.HELD_BACK]
    taken = run.journal.claim(run.run_id, wanted, owner=run.owner, is_alive=run.is_alive)
    return tuple(
        replace(one, state=MoveState.HELD_BACK, detail=f"run {taken[one.update.ref].run_id} is working on it")
        if one.update.ref in taken
        else one
        for one in publications
    )


def intended_and_pinned(
    run: RunContext, door: RefUpdater, publications: Sequence[Publication], targets: Sequence[Target]
) -> None:
    """Write the intended moves into the journal, then pin every commit that they leave or make.

    Raises:
        RefLocked, GitError, OutOfSpace, StoreError: `resume` finishes what has been intended.
    """
    run.checkpoint("journal")
    run.journal.intend(run.run_id, publications, anchor=anchor_ref(run.run_id))
    run.checkpoint("pin")
    if any(one.state is not MoveState.HELD_BACK for one in publications):
        pinned(run, door, publications, targets)
        run.emit(EventKind.PINNED, ref=anchor_ref(run.run_id))


def pinned(
    run: RunContext,
    door: RefUpdater,
    publications: Sequence[Publication],
    targets: Sequence[Target],
    *,
    ahead: HeldAhead | None = None,
) -> None:
    """Make the anchor of a run; arguments and errors as for `pin`.

    Raises:
        RefLocked: another process holds its ref.
        OutOfSpace
    """
    token = run.journal.require_held(run.run_id)
    holder = Holder(run_id=run.run_id, started_at=run.started_at, token=token, has_taken_over=run.has_taken_over)
    refusal = pin(run.repository, door, holder, publications=publications, targets=targets, ahead=ahead)
    if refusal is not None:
        run.journal.require_held(run.run_id)
        raise refusal.as_error("cannot pin the run's commits", hint="git align resume")


def moved(
    run: RunContext, door: RefUpdater, publications: Sequence[Publication], targets: Sequence[Target]
) -> tuple[Publication, ...]:
    """Intend, pin and move branches. The refs are read back by `verified`, not here.

    Args:
        run: in the journal already.
        door: moves the refs; closed at the end.
        publications: those with state `intended` are moved.
        targets: of the plan.

    Raises:
        RefLocked, GitError, OutOfSpace, StoreError: `resume` finishes what has been intended.
    """
    try:
        intended_and_pinned(run, door, publications, targets)
        return move_stacks(run, door, publications)
    finally:
        door.close()


def ended(run: RunContext, publications: Sequence[Publication]) -> None:
    """Write down the end of a run; one that was stopped half-way stays open, for `resume` to finish."""
    if any(one.state is MoveState.INTENDED for one in publications):
        return
    outcome = "ok" if all(map(is_decided, publications)) else "attention"
    run.journal.set_state(run.run_id, RunState.FINISHED, outcome=outcome, finished_at=run.now())
    run.emit(EventKind.RUN_FINISHED, outcome=outcome)
