"""After a crash: every branch ends at before or after, and the report says which."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psutil

from gitalign import wire
from gitalign.core.events import EventKind
from gitalign.core.names import branch_of, is_zero, zero_like
from gitalign.core.outcome import Aligned, Unchanged
from gitalign.core.publication import MoveState, Publication
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.anchor import pin, present, release_keeps
from gitalign.engine.backups import make_backups
from gitalign.engine.move import Checkpoint, move_stacks, no_checkpoint, verified
from gitalign.engine.publish import forbidden_refs
from gitalign.engine.signals import StopSignal
from gitalign.engine.stream import EventStream, JournalListener
from gitalign.git.quarantine import remove_quarantine
from gitalign.git.refs import RefDoor, read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal, Listener, OwnerProbe

_SECOND_LOOK_S = 0.2
_UNFINISHED = (RunState.INTEGRATING, RunState.PUBLISHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of one branch of a run that was cut off.

    Attributes:
        verdict: `finished` (it is at after), `rolled_back` (it is at before), `left` (somebody else moved it, or it was held
            back), `nothing_moved` (the run was cut off before it published; `branch` is empty).
    """

    run_id: str
    branch: str
    verdict: str
    detail: str = ""


def recover(
    repository: Repository,
    journal: Journal,
    *,
    listeners: Sequence[Listener] = (),
    is_alive: OwnerProbe,
    now: datetime,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Recovered, ...]:
    """Finish or roll back every run whose process is gone. Runs that are under way elsewhere are left alone.

    Raises:
        GitError, StoreError: the next command tries again.
    """
    told: list[Recovered] = []
    for record in reversed(journal.runs()):
        if record.state not in _UNFINISHED or _is_under_way(record, journal, is_alive):
            continue
        if record.state is RunState.INTEGRATING:
            journal.set_state(
                record.id,
                RunState.INTERRUPTED if record.kind is RunKind.ALIGN else RunState.FAILED,
                outcome="interrupted",
                finished_at=now,
            )
            told.append(Recovered(run_id=record.id, branch="", verdict="nothing_moved"))
        else:
            told += _finish(repository, journal, record, listeners=listeners, now=now, checkpoint=checkpoint)
        journal.release(record.id)
        release_keeps(repository, record.id)
        remove_quarantine(repository.state_dir / "quarantine" / record.id)
    return tuple(told)


def _is_under_way(record: RunRecord, journal: Journal, is_alive: OwnerProbe) -> bool:
    if not is_alive(record.owner):
        return False
    if record.state is RunState.INTEGRATING:
        return True
    # A run that ended by an error while publishing gave its claims back, though its process may live on (as a library).
    return journal.holds(record.id, [one.update.ref for one in journal.publications(record.id)])


def _finish(
    repository: Repository,
    journal: Journal,
    record: RunRecord,
    *,
    listeners: Sequence[Listener],
    now: datetime,
    checkpoint: Checkpoint,
) -> list[Recovered]:
    publications = journal.publications(record.id)
    plan = wire.load_plan(journal.plan_json(record.id))
    events = journal.events(record.id)
    durable = JournalListener(journal)
    emit = EventStream(record.id, lambda: now, [durable, *listeners], first=(events[-1].seq if events else 0) + 1)
    emit(EventKind.RUN_RESUMED, intended=sum(one.state is MoveState.INTENDED for one in publications))
    notes = remove_stale_locks(repository, publications, since=record.started_at)
    for note in notes:
        emit(EventKind.NOTICE, text=note)
    publications = _looked_at(repository, publications)
    door = RefDoor(repository, forbidden=forbidden_refs(plan), message=f"git-align run {record.id}: resumed")
    try:
        if any(one.state is MoveState.INTENDED for one in publications):
            checkpoint("pin")
            pin(repository, door, run_id=record.id, publications=publications, at=record.started_at)
            if plan.policy.backups and record.kind is RunKind.ALIGN:
                publications = make_backups(door, publications, existing=read_refs(repository, "refs/heads"))
            journal.update_publications(record.id, publications)
            publications = move_stacks(
                repository,
                door,
                publications,
                run_id=record.id,
                journal=journal,
                emit=emit,
                stop=StopSignal(),
                guarded=False,
                checkpoint=checkpoint,
            )
    finally:
        door.close()
    publications = verified(repository, publications)
    journal.update_publications(record.id, publications)
    emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if record.undoes is not None:
        mark_undone(journal, record.undoes, publications)
    well = all(one.state is MoveState.MOVED and not one.detail for one in publications) and all(
        isinstance(result.outcome, Unchanged)
        or (isinstance(result.outcome, Aligned) and result.outcome.stopped_by is None)
        for result in journal.results(record.id)
    )
    # Cut off before its objects were safe: nothing moved, so the run can simply be made again.
    again = record.kind is RunKind.ALIGN and all(one.state is MoveState.ROLLED_BACK for one in publications)
    outcome = "interrupted" if again else ("ok" if well else "attention")
    emit(EventKind.RUN_FINISHED, outcome=outcome)
    durable.flush()
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


def _looked_at(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """What the repository says of every intended move: made, still to be made, impossible, or somebody else's by now."""
    now = read_refs(repository, "refs/heads")
    there = present(
        repository,
        sorted({oid for one in publications for oid in (one.update.before, one.update.after) if not is_zero(oid)}),
    )
    looked: list[Publication] = []
    for one in publications:
        if one.state is not MoveState.INTENDED:
            looked.append(one)
            continue
        stands = now.get(one.update.ref)
        stands_at = stands or zero_like(one.update.before)
        if stands_at == one.update.after:
            looked.append(replace(one, state=MoveState.MOVED))
        elif stands_at == one.update.before and (one.update.after in there or is_zero(one.update.after)):
            looked.append(one)
        elif stands_at == one.update.before:
            looked.append(
                replace(
                    one,
                    state=MoveState.ROLLED_BACK,
                    detail="its new commits did not survive the crash; it stands where it stood",
                )
            )
        else:
            where = f"stands at {stands[:12]}" if stands else "is gone"
            looked.append(
                replace(one, state=MoveState.HELD_BACK, detail=f"somebody else moved it meanwhile: it {where}")
            )
    return tuple(looked)


def mark_undone(journal: Journal, undone_id: str, publications: Sequence[Publication]) -> None:
    """Note in the run that was undone which of its moves are no more (or are again, when an undo is undone)."""
    back = {one.update.ref: one for one in publications if one.state is MoveState.MOVED}
    changed = [
        replace(one, state=MoveState.UNDONE if one.state is MoveState.MOVED else MoveState.MOVED)
        for one in journal.publications(undone_id)
        if one.update.ref in back and one.state in (MoveState.MOVED, MoveState.UNDONE)
    ]
    journal.update_publications(undone_id, changed)
    before_that = journal.run(undone_id).undoes
    if before_that is not None:
        mark_undone(journal, before_that, publications)


def remove_stale_locks(repository: Repository, publications: Sequence[Publication], *, since: datetime) -> list[str]:
    """Remove lock files that a killed `update-ref` of ours left; others are named and left.

    A lock is ours when its ref is in our journal, it was made after our run began, it is empty or holds exactly the id we
    meant to write, nobody has it open, and it is still the same after a second look.
    """
    common = Path(repository.common_dir)
    suspects: dict[Path, tuple[bytes, int]] = {}
    ids: dict[Path, set[bytes]] = {}
    for one in publications:
        for ref, oid in (
            (one.update.ref, one.update.after),
            *([(one.backup_ref, one.update.before)] if one.backup_ref else []),
        ):
            lock = common / os.fsdecode(f"{ref}.lock".encode("utf-8", "surrogateescape"))
            seen = _look(lock)
            if seen is not None:
                suspects[lock] = seen
                ids[lock] = {b"", oid.encode("ascii"), oid.encode("ascii") + b"\n"}
    if not suspects:
        return []
    time.sleep(_SECOND_LOOK_S)
    held_open = _open_files()
    removed, left = 0, []
    for lock, seen in suspects.items():
        ours = (
            seen[0] in ids[lock]
            and seen[1] >= int(since.timestamp()) - 1
            and str(lock) not in held_open
            and _look(lock) == seen
        )
        if ours:
            lock.unlink(missing_ok=True)
            removed += 1
        else:
            left.append(str(lock))
    notes = [f"{removed} lock files of the killed publication were removed"] if removed else []
    if left:
        notes.append(
            f"{len(left)} lock files are not provably ours and stay, first {left[0]}: if no git process is at work, remove them by hand"
        )
    return notes


def _look(lock: Path) -> tuple[bytes, int] | None:
    try:
        return lock.read_bytes(), int(lock.stat().st_mtime)
    except OSError:
        return None


def _open_files() -> set[str]:
    found: set[str] = set()
    for process in psutil.process_iter(["name"]):
        if "git" in (process.info["name"] or ""):
            try:
                found.update(one.path for one in process.open_files())
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
    return found
