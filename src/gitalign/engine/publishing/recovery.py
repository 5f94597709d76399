"""After a crash: every branch ends at before or after, and the report says which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitalign.core.events import EventKind
from gitalign.core.names import Oid, branch_of, is_zero, zero_like
from gitalign.core.outcome import Aligned, Unchanged
from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.report import is_decided
from gitalign.core.run import UNFINISHED, RunKind, RunRecord, RunState
from gitalign.engine.publishing.anchor import anchor_ref, present, release_keeps
from gitalign.engine.publishing.backups import make_backups, remove_undone_backups
from gitalign.engine.publishing.branch_sections import settle_sections
from gitalign.engine.publishing.following import mend_work_trees
from gitalign.engine.publishing.guard import Guard, held_if_guarded
from gitalign.engine.publishing.move import move_stacks, verified
from gitalign.engine.publishing.push_recovery import settle_before_moves, settle_pushes, standing_where_pushed
from gitalign.engine.publishing.recorded_run import pinned
from gitalign.engine.publishing.recovery_claim import recovery_claim
from gitalign.engine.publishing.undone import mark_undone
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream, JournalListener
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.git.quarantine import remove_quarantine
from gitalign.git.ref_locks import clear_locks
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Journal, Listener, OwnerProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of one branch of a run that was cut off.

    Attributes:
        verdict: `finished` (it is at after), `rolled_back` (it is at before), `left` (another process moved it, or it was held
            back), `nothing_moved` (the run was cut off before it published; `branch` is empty).
    """

    run_id: str
    branch: str
    verdict: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What is needed to finish or roll back runs.

    Attributes:
        repository: the repository.
        journal: of the repository.
        listeners: followers of the event streams of these runs.
        is_alive: tells whether the process that wrote an owner still lives.
        guard_of: decides what a run must not move.
        surroundings: of this process.
        checkpoint: called before each effect; tests end the process there.
    """

    repository: Repository
    journal: Journal
    listeners: Sequence[Listener]
    is_alive: OwnerProbe
    guard_of: Callable[[RunRecord], Guard]
    surroundings: Surroundings
    checkpoint: Checkpoint = no_checkpoint

    def context(self, record: RunRecord, emit: Emitter) -> RunContext:
        """The context in which a run that was cut off is finished; nothing stops it half-way again."""
        return RunContext(
            run_id=record.id,
            started_at=record.started_at,
            repository=self.repository,
            journal=self.journal,
            emit=emit,
            stop=StopSignal(),
            owner=record.owner,
            is_alive=self.is_alive,
            surroundings=self.surroundings,
            checkpoint=self.checkpoint,
            has_taken_over=True,
        )


def recover(recovery: Recovery) -> tuple[Recovered, ...]:
    """Finish or roll back every run whose process is gone. Runs that are under way elsewhere are left alone.

    One process does it at a time; another one waits, and finds the work done.

    Raises:
        RecoveryUnderWay: another process is at it, and was waited for.
        GitError, StoreError: the next command tries again.
    """
    repository, journal = recovery.repository, recovery.journal
    if not _cut_off(journal, recovery.is_alive):
        return ()
    with recovery_claim(repository.state_dir):
        recovered: list[Recovered] = []
        # Read again: the process that had the claim before may have done it.
        for record in _cut_off(journal, recovery.is_alive):
            now = recovery.surroundings.now()
            journal.take(record.id)
            if record.state is RunState.INTEGRATING:
                _clear(repository, journal, record.id)
                recovered.append(_stopped_before_moves(journal, record, now=now))
            else:
                recovered += _finish(recovery, record, now=now)
        return tuple(recovered)


def _cut_off(journal: Journal, is_alive: OwnerProbe) -> list[RunRecord]:
    """Runs whose process is gone, oldest first."""
    return [record for record in reversed(journal.runs_in(UNFINISHED)) if not _is_under_way(record, journal, is_alive)]


def _stopped_before_moves(journal: Journal, record: RunRecord, *, now: datetime) -> Recovered:
    journal.set_state(
        record.id,
        RunState.INTERRUPTED if record.kind is RunKind.ALIGN else RunState.FAILED,
        outcome="interrupted",
        finished_at=now,
    )
    return Recovered(run_id=record.id, branch="", verdict="nothing_moved")


def _clear(repository: Repository, journal: Journal, run_id: str) -> None:
    """Remove what only a run under way needs; before its end is written down, after which no one would look for it."""
    release_keeps(repository, run_id)
    remove_quarantine(repository.state_dir / "quarantine" / run_id)
    journal.release(run_id)


def _is_under_way(record: RunRecord, journal: Journal, is_alive: OwnerProbe) -> bool:
    if not is_alive(record.owner):
        return False
    if record.state is RunState.INTEGRATING:
        return True
    # A run that ended by an error while publishing was given back, though its process may live on (as a library).
    return journal.is_held(record.id)


def _finish(recovery: Recovery, record: RunRecord, *, now: datetime) -> list[Recovered]:
    repository, journal = recovery.repository, recovery.journal
    publications = journal.publications(record.id)
    plan = journal.plan(record.id)
    events = journal.events(record.id)
    durable = JournalListener(journal.append)
    followers = [durable, *recovery.listeners]
    emit = EventStream(record.id, lambda: now, followers, first=(events[-1].seq if events else 0) + 1)
    emit(EventKind.RUN_RESUMED, intended=sum(one.state is MoveState.INTENDED for one in publications))
    notes = remove_stale_locks(repository, record.id, publications, since=record.started_at)
    notes += mend_work_trees(repository, record.id, publications)
    for note in notes:
        emit(EventKind.NOTICE, text=note)
    run = recovery.context(record, emit)
    if record.kind is RunKind.BATCH:
        publications = settle_before_moves(repository, publications)
    publications = _moved_on(run, record.kind, plan, publications, guarded=recovery.guard_of(record).refs(plan))
    publications = verified(repository, publications)
    settle_sections(repository, publications, emit=emit)
    publications = standing_where_pushed(settle_pushes(repository, publications))
    journal.update_publications(record.id, publications)
    emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if record.undoes is not None:
        mark_undone(journal, record.undoes, publications, by=record.id)
        remove_undone_backups(repository, journal, record, emit=emit)
    # Cut off before its objects were safe: nothing moved, so the run can simply be made again.
    again = record.kind is RunKind.ALIGN and is_to_be_made_again(plan, publications)
    outcome = "interrupted" if again else ("ok" if _went_well(journal, record, publications) else "attention")
    emit(EventKind.RUN_FINISHED, outcome=outcome)
    durable.flush()
    _clear(repository, journal, record.id)
    journal.set_state(record.id, RunState.INTERRUPTED if again else RunState.FINISHED, outcome=outcome, finished_at=now)
    verdicts = {MoveState.MOVED: "finished", MoveState.ROLLED_BACK: "rolled_back"}
    return [
        Recovered(
            run_id=record.id,
            branch=branch_of(one.update.ref),
            verdict=verdicts.get(one.state, "left"),
            detail=one.detail,
        )
        for one in publications
    ]


def _moved_on(
    run: RunContext, kind: RunKind, plan: Plan, publications: Sequence[Publication], *, guarded: frozenset[str]
) -> tuple[Publication, ...]:
    """The publications, with those moved that can still be moved."""
    publications = held_if_guarded(_looked_at(run.repository, publications), guarded)
    if not any(one.state is MoveState.INTENDED for one in publications):
        return publications
    door = RefUpdater(run.repository, forbidden=guarded, message=f"git-align run {run.run_id}: resumed")
    try:
        run.checkpoint("pin")
        pinned(run, door, publications, plan.targets)
        if plan.policy.backups and kind is RunKind.ALIGN:
            publications = make_backups(door, publications, existing=read_refs(run.repository, "refs/heads"))
        run.journal.update_publications(run.run_id, publications)
        return move_stacks(run, door, publications)
    finally:
        door.close()


def _went_well(journal: Journal, record: RunRecord, publications: Sequence[Publication]) -> bool:
    """Whether every branch is where the run was to bring it, and none conflicted or was refused."""
    return all(map(is_decided, publications)) and all(
        isinstance(result.outcome, Unchanged)
        or (isinstance(result.outcome, Aligned) and result.outcome.stopped_by is None)
        for result in journal.results(record.id)
    )


def is_to_be_made_again(plan: Plan, publications: Sequence[Publication]) -> bool:
    """True when a run was cut off, or stopped, and has changed nothing, here or on a remote: it can be made again as a whole."""
    states = {one.state for one in publications}
    if states & {MoveState.MOVED, MoveState.UNDONE, MoveState.INTENDED}:
        return False
    pushes = {one.push for one in publications}
    if plan.snapshot.branches_of is not None and pushes & {PushState.PUSHED, PushState.UP_TO_DATE, PushState.UNKNOWN}:
        return False
    is_of_remote = plan.snapshot.branches_of is not None and PushState.NOT_PUSHED in pushes
    return MoveState.ROLLED_BACK in states or is_of_remote


def _looked_at(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """What the repository says of every intended move: made, still to be made, impossible, or another process's by now."""
    now = read_refs(repository, "refs/heads")
    there = present(
        repository,
        sorted({oid for one in publications for oid in (one.update.before, one.update.after) if not is_zero(oid)}),
    )
    # Objects are stored before the first branch moves. Where some are missing and none has moved, none is moved now: the
    # whole run can be made again, which it cannot once a part of its branches stands elsewhere.
    is_whole = all(
        one.update.after in there or is_zero(one.update.after)
        for one in publications
        if one.state is MoveState.INTENDED
    )
    has_begun = any(
        one.state is MoveState.MOVED or (one.state is MoveState.INTENDED and _stands(one, now) == one.update.after)
        for one in publications
    )
    return tuple(
        _judged(one, now, can_move=has_begun or is_whole, there=there) if one.state is MoveState.INTENDED else one
        for one in publications
    )


def _stands(one: Publication, now: Mapping[str, Oid]) -> Oid:
    return now.get(one.update.ref, zero_like(one.update.after))


def _judged(one: Publication, now: Mapping[str, Oid], *, can_move: bool, there: Collection[Oid]) -> Publication:
    stands = _stands(one, now)
    if stands == one.update.after:
        return replace(one, state=MoveState.MOVED)
    if stands != one.update.before:
        where = "is gone" if is_zero(stands) else f"stands at {stands[:12]}"
        return replace(one, state=MoveState.HELD_BACK, detail=f"another process moved it meanwhile: it {where}")
    if one.update.after not in there and not is_zero(one.update.after):
        reason = "its new commits did not survive the crash, so it stands where it stood; git align run aligns it"
        return replace(one, state=MoveState.ROLLED_BACK, detail=reason)
    if not can_move:
        reason = "the run was cut off before the commits of all its branches were stored; it stands where it stood"
        return replace(one, state=MoveState.ROLLED_BACK, detail=reason)
    return one


def remove_stale_locks(
    repository: Repository, run_id: str, publications: Sequence[Publication], *, since: datetime
) -> list[str]:
    """Remove lock files that a killed `update-ref` of ours left; what became of them, in words."""
    meant = [one.update for one in publications]
    meant += [
        RefUpdate(ref=one.backup_ref, before=zero_like(one.update.before), after=one.update.before)
        for one in publications
        if one.backup_ref
    ]
    meant += [RefUpdate(ref=anchor_ref(run_id), before=one.before, after=one.before) for one in meant[:1]]
    cleared = clear_locks(Path(repository.common_dir), meant, since=since.timestamp())
    notes = [f"{cleared.removed} lock files of the killed publication were removed"] if cleared.removed else []
    if cleared.left:
        notes.append(
            f"{len(cleared.left)} lock files are not provably ours and stay, first {cleared.left[0]}: "
            "if no git process is at work, remove them by hand"
        )
    return notes
