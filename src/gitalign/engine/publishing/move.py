"""Moving branches, stack by stack: the one way in which publishing, recovering and undoing change refs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, takewhile

from gitalign.core.events import EventKind
from gitalign.core.names import HEADS, Oid, branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication
from gitalign.engine.publishing.following import StackFollowers
from gitalign.engine.runtime.context import RunContext
from gitalign.git.holders import HolderWatch
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Emitter

_SAVE_EVERY_S = 1.0
_ASK_EVERY_S = 0.05
_MOST_AT_ONCE = 32
"""Stacks that git is given at once. The first is given alone, the next two together, then four: who stops a run early moves little."""
_NAMED_AT_ONCE = 500  # refs on one command line


def move_stacks(run: RunContext, door: RefUpdater, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """Move every intended branch; the branches of a stack move together or not at all.

    Args:
        run: that moves them.
        door: moves the refs.
        publications: those with state `intended` are moved, the others are handed back as they are.

    Returns:
        The publications in the order given, with what became of them. After a stop, the rest is still `intended`.

    Raises:
        RunTakenOver: another process has the run now; asked twenty times a second, before anything moves.
    """
    order = {one.update.ref: at for at, one in enumerate(publications)}
    done: dict[str, Publication] = {}
    unsaved: list[Publication] = []
    saved_at = time.monotonic()
    waiting = _stacks(publications, order)
    most = 1
    look = _Look(run)
    while waiting and not run.stop.stop_requested:
        holders = look.now()
        plain = _plain(waiting[:most], holders)
        moved = _move_plain(run, door, plain) if plain else _move_held(run, door, waiting[0], holders)
        for one in moved:
            done[one.update.ref] = one
            _tell(run.emit, one)
        del waiting[: len(plain) or 1]
        most = min(most * 2, _MOST_AT_ONCE)
        unsaved += moved
        if time.monotonic() - saved_at > _SAVE_EVERY_S:
            run.checkpoint("save")
            run.journal.update_publications(run.run_id, unsaved)
            unsaved, saved_at = [], time.monotonic()
    run.checkpoint("save")
    run.journal.update_publications(run.run_id, unsaved)
    return tuple(done.get(one.update.ref, one) for one in publications)


Stack = Sequence[Publication]


def _stacks(publications: Sequence[Publication], order: Mapping[str, int]) -> list[Stack]:
    """What is intended, stack by stack."""
    intended = [one for one in publications if one.state is MoveState.INTENDED]
    intended.sort(key=lambda one: (one.stack, order[one.update.ref]))
    return [list(members) for _, members in groupby(intended, key=lambda one: one.stack)]


def _plain(stacks: Sequence[Stack], holders: Mapping[str, Sequence[str]]) -> list[Stack]:
    """The first stacks, as far as no work tree holds a branch of theirs."""
    return list(takewhile(lambda stack: all(one.update.ref not in holders for one in stack), stacks))


class _Look:
    """Looks now and then which work trees hold branches, and whether this process still holds its run."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._watch = HolderWatch(run.repository)
        self._holders: Mapping[str, Sequence[str]] = {}
        self._looked_at = -math.inf

    def now(self) -> Mapping[str, Sequence[str]]:
        """Branch ref -> work trees that hold it.

        Raises:
            RunTakenOver
        """
        if time.monotonic() - self._looked_at > _ASK_EVERY_S:
            self._holders = self._watch.now()
            self._looked_at = time.monotonic()
            self._run.journal.require_held(self._run.run_id)
        return self._holders


def _move_plain(run: RunContext, door: RefUpdater, stacks: Sequence[Stack]) -> list[Publication]:
    """Move stacks of which no work tree holds a branch: git is given all of them at once."""
    stacks = [[one if one.work_tree is None else replace(one, work_tree=None) for one in stack] for stack in stacks]
    for _ in stacks:
        run.checkpoint("refs")
    refusals = door.move_each([[one.update for one in stack] for stack in stacks])
    for _ in stacks:
        run.checkpoint("refs moved")
    if any(refusals):
        run.journal.require_held(run.run_id)  # the process that took the run over has the anchor now
    moved: list[Publication] = []
    for stack, refusal in zip(stacks, refusals, strict=True):
        if refusal is None:
            moved += [replace(one, state=MoveState.MOVED, detail="") for one in stack]
        else:
            moved += _where_they_stand(run.repository, _held(stack, refusal.reason))
    return moved


def _move_held(
    run: RunContext, door: RefUpdater, stack: Stack, holders: Mapping[str, Sequence[str]]
) -> list[Publication]:
    """Move a stack with its work trees."""
    return _where_they_stand(run.repository, _move_stack(run, door, stack, holders))


def _move_stack(
    run: RunContext, door: RefUpdater, stack: Sequence[Publication], holders: Mapping[str, Sequence[str]]
) -> list[Publication]:
    crowded = next((one for one in stack if len(holders.get(one.update.ref, ())) > 1), None)
    if crowded is not None:
        return _held(stack, f"it is checked out in {' and '.join(holders[crowded.update.ref])}", of=crowded)
    made = next((one for one in stack if _comes_or_goes(one) and holders.get(one.update.ref)), None)
    if made is not None:
        verb = "made" if is_zero(made.update.before) else "deleted"
        return _held(
            stack, f"it cannot be {verb} under the work tree {holders[made.update.ref][0]}, which is on it", of=made
        )
    followers = StackFollowers(run.repository, run.run_id)
    stack = [replace(one, work_tree=next(iter(holders.get(one.update.ref, ())), None)) for one in stack]
    try:
        for one in stack:
            if one.work_tree is not None and (obstacle := followers.follow(one, run.checkpoint)):
                return _held(stack, obstacle, of=one)
        run.checkpoint("refs")
        refusal = door.move([one.update for one in stack])
        run.checkpoint("refs moved")
    finally:
        # Also when it is not known what became of the refs: each work tree goes where its branch stands.
        followers.settle()
    if refusal is not None:
        run.journal.require_held(run.run_id)  # the process that took the run over has the anchor now
        return _held(stack, refusal.reason)
    return [replace(one, state=MoveState.MOVED, detail="") for one in stack]


def _comes_or_goes(one: Publication) -> bool:
    return is_zero(one.update.before) or is_zero(one.update.after)


def _where_they_stand(repository: Repository, stack: Sequence[Publication]) -> list[Publication]:
    """The branches of a stack that was held back, looked at: one that stands where it was to go has moved.

    Another recovery of the same run may have been quicker. One that stands elsewhere says so.
    """
    if all(one.state is not MoveState.HELD_BACK for one in stack):
        return list(stack)
    named = [one.update.ref for one in stack]
    now = read_refs(repository, *(named if len(named) <= _NAMED_AT_ONCE else (HEADS,)))
    stands = {one.update.ref: now.get(one.update.ref, zero_like(one.update.before)) for one in stack}
    if all(stands[one.update.ref] == one.update.after for one in stack):
        return [replace(one, state=MoveState.MOVED, detail="") for one in stack]
    astray = next((one for one in stack if stands[one.update.ref] != one.update.before), None)
    return list(stack) if astray is None else _held(stack, _moved_by_another(astray, stands[astray.update.ref]))


def _moved_by_another(one: Publication, stands: Oid) -> str:
    where = "is gone" if is_zero(stands) else f"stands at {stands[:12]} now"
    seen = "did not see it" if is_zero(one.update.before) else f"saw {one.update.before[:12]}"
    return f"{branch_of(one.update.ref)} was moved by another process meanwhile: it {where}, the plan {seen}"


def _held(stack: Sequence[Publication], reason: str, *, of: Publication | None = None) -> list[Publication]:
    held: list[Publication] = []
    for one in stack:
        mine = (
            reason
            if of is None or one is of or len(stack) == 1
            else f"its stack member {branch_of(of.update.ref)} was held back: {reason}"
        )
        held.append(replace(one, state=MoveState.HELD_BACK, detail=mine))
    return held


def _tell(emit: Emitter, one: Publication) -> None:
    kind = EventKind.BRANCH_MOVED if one.state is MoveState.MOVED else EventKind.BRANCH_HELD_BACK
    emit(
        kind,
        branch=branch_of(one.update.ref),
        before=one.update.before,
        after=one.update.after,
        reason=one.detail or None,
    )


def verified(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications with what the repository really holds: a branch that does not stand where it was moved says so."""
    now: dict[str, Oid] = read_refs(repository, "refs/heads")
    checked: list[Publication] = []
    for one in publications:
        stands = now.get(one.update.ref)
        if one.state is MoveState.MOVED and (stands or zero_like(one.update.after)) != one.update.after:
            where = f"stands at {stands[:12]}" if stands else "is gone"
            checked.append(replace(one, detail=f"was moved, but {where} now: another process moved it right after"))
        else:
            checked.append(one)
    return tuple(checked)
