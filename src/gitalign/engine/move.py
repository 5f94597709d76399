"""Moving branches, stack by stack: the one way in which publishing, recovering and undoing change refs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from gitalign.core.events import EventKind
from gitalign.core.names import Oid, branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication
from gitalign.engine.signals import StopSignal
from gitalign.git.refs import RefDoor, read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import WorkTreeMove, read_holders
from gitalign.ports import Emitter, Journal

_SAVE_EVERY_S = 0.2
_ASK_EVERY_S = 0.05
_NAMED_AT_ONCE = 500  # refs on one command line

Checkpoint = Callable[[str], None]


def no_checkpoint(name: str) -> None:
    """The default: nothing happens between two effects."""


def move_stacks(
    repository: Repository,
    door: RefDoor,
    publications: Sequence[Publication],
    *,
    run_id: str,
    journal: Journal,
    emit: Emitter,
    stop: StopSignal,
    guarded: bool = True,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Publication, ...]:
    """Move every intended branch; the branches of a stack move together or not at all.

    Args:
        door: moves the refs.
        publications: those with state `intended` are moved, the others are handed back as they are.
        guarded: ask, twenty times a second, whether the run still holds its claims; nothing is moved once it does not.
        checkpoint: called before each effect; tests end the process there.

    Returns:
        The publications in the order given, with what became of them. After a stop, the rest is still `intended`.
    """
    order = {one.update.ref: at for at, one in enumerate(publications)}
    done: dict[str, Publication] = {}
    unsaved: list[Publication] = []
    saved_at = time.monotonic()
    looked_at = -math.inf
    holders: Mapping[str, Sequence[str]] = {}
    guard = _Guard(journal, run_id, [one.update.ref for one in publications if one.state is MoveState.INTENDED])
    for _, members in groupby(
        sorted(publications, key=lambda one: (one.stack, order[one.update.ref])), key=lambda one: one.stack
    ):
        stack = [one for one in members if one.state is MoveState.INTENDED]
        if not stack:
            continue
        if stop.stop_requested:
            break
        if time.monotonic() - looked_at > _ASK_EVERY_S:
            holders = read_holders(repository)
            looked_at = time.monotonic()
        if guarded and not guard.is_still_ours():
            moved = _held(stack, "another run took it over")
        else:
            moved = _move_stack(repository, door, stack, holders, checkpoint)
        for one in moved:
            done[one.update.ref] = one
            _tell(emit, one)
        unsaved += moved
        if time.monotonic() - saved_at > _SAVE_EVERY_S:
            checkpoint("save")
            journal.update_publications(run_id, unsaved)
            unsaved, saved_at = [], time.monotonic()
    checkpoint("save")
    journal.update_publications(run_id, unsaved)
    return tuple(done.get(one.update.ref, one) for one in publications)


class _Guard:
    """Asks now and then whether a run still holds its claims; the answer no is final.

    All claims are looked at only when the journal says that some were taken or given back: the price of a look grows with
    the branches, and there are as many looks as branches.
    """

    def __init__(self, journal: Journal, run_id: str, refs: Sequence[str]) -> None:
        self._journal = journal
        self._run_id = run_id
        self._refs = refs
        self._asked_at = -math.inf
        self._fence = -1
        self._is_ours = True

    def is_still_ours(self) -> bool:
        if self._is_ours and time.monotonic() - self._asked_at > _ASK_EVERY_S:
            self._asked_at = time.monotonic()
            fence = self._journal.fence()  # before the look, so that what changes meanwhile is seen the next time
            if fence != self._fence:
                self._fence, self._is_ours = fence, self._journal.holds(self._run_id, self._refs)
        return self._is_ours


def _move_stack(
    repository: Repository,
    door: RefDoor,
    stack: Sequence[Publication],
    holders: Mapping[str, Sequence[str]],
    checkpoint: Checkpoint,
) -> list[Publication]:
    followed: list[tuple[WorkTreeMove, Publication]] = []
    crowded = next((one for one in stack if len(holders.get(one.update.ref, ())) > 1), None)
    if crowded is not None:
        return _held(stack, f"it is checked out in {' and '.join(holders[crowded.update.ref])}", of=crowded)
    made = next((one for one in stack if _comes_or_goes(one) and holders.get(one.update.ref)), None)
    if made is not None:
        verb = "made" if is_zero(made.update.before) else "deleted"
        return _held(
            stack, f"it cannot be {verb} under the work tree {holders[made.update.ref][0]}, which is on it", of=made
        )
    stack = [replace(one, work_tree=next(iter(holders.get(one.update.ref, ())), None)) for one in stack]
    for one in stack:
        if one.work_tree is None:
            continue
        tree = WorkTreeMove(repository, one.work_tree, one.update.ref)
        obstacle = "" if _stands_ready(tree, one) else tree.obstacle(one.update.before, one.update.after)
        if not obstacle:
            checkpoint("work tree")
            obstacle = tree.follow(one.update.before, one.update.after)
        if obstacle:
            _back(followed)
            return _held(stack, obstacle, of=one)
        followed.append((tree, one))
    checkpoint("refs")
    refusal = door.move([one.update for one in stack])
    if refusal is not None:
        _back(followed)
        return _held(stack, _why(repository, stack, refusal.reason))
    return [replace(one, state=MoveState.MOVED, detail="") for one in stack]


def _stands_ready(tree: WorkTreeMove, one: Publication) -> bool:
    """True when the work tree followed already and only the ref is missing (a crash between the two)."""
    return (
        not tree.obstacle_head(one.update.before)
        and tree.stands_at(one.update.after)
        and not tree.stands_at(one.update.before)
    )


def _comes_or_goes(one: Publication) -> bool:
    return is_zero(one.update.before) or is_zero(one.update.after)


def _back(followed: Sequence[tuple[WorkTreeMove, Publication]]) -> None:
    for tree, one in reversed(followed):
        tree.follow(one.update.after, one.update.before)


def _held(stack: Sequence[Publication], reason: str, *, of: Publication | None = None) -> list[Publication]:
    held: list[Publication] = []
    for one in stack:
        mine = (
            reason
            if of is None or one is of or len(stack) == 1
            else f"its stack-mate {branch_of(of.update.ref)} was held back: {reason}"
        )
        held.append(replace(one, state=MoveState.HELD_BACK, detail=mine))
    return held


def _why(repository: Repository, stack: Sequence[Publication], refusal: str) -> str:
    """Which ref stood in the way, and where it stands now."""
    now = read_refs(repository, *(one.update.ref for one in stack[:_NAMED_AT_ONCE]))
    for one in stack[:_NAMED_AT_ONCE]:
        stands = now.get(one.update.ref)
        if (stands or zero_like(one.update.before)) != one.update.before:
            where = f"stands at {stands[:12]} now" if stands else "is gone"
            seen = "did not see it" if is_zero(one.update.before) else f"saw {one.update.before[:12]}"
            return f"{branch_of(one.update.ref)} was moved by somebody else meanwhile: it {where}, the plan {seen}"
    return refusal


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
            checked.append(replace(one, detail=f"was moved, but {where} now: somebody else moved it right after"))
        else:
            checked.append(one)
    return tuple(checked)
