"""Backup branches: `backup-<branch>-pre-align` at the place a branch is about to leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gitalign.core.events import EventKind
from gitalign.core.names import HEADS, Oid, backup_name, branch_of, is_backup_name, is_zero, ref_of, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.run import RunRecord
from gitalign.git.refs import RefUpdater, deletions, read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import read_checkouts
from gitalign.ports import Emitter, Journal

_AT_ONCE = 500


def with_backup_refs(
    publications: Sequence[Publication], *, prefix: str, run_id: str, existing: dict[str, Oid]
) -> tuple[Publication, ...]:
    """The publications with the name their backup is to have.

    A name that is taken by another commit gets the run id; one that git could not make beside existing refs (a file where a
    folder is needed, or the other way round) is flattened; one that is too long for git to store is cut (`backup_name`).

    Args:
        existing: every branch ref and its id.
    """
    taken = dict(existing)
    folders = {folder for ref in taken for folder in _folders(ref)}
    named: list[Publication] = []
    for one in publications:
        if is_zero(one.update.before):
            named.append(one)  # what is made now leaves no place behind
            continue
        branch = branch_of(one.update.ref)
        plain = backup_name(branch, prefix=prefix)
        options = (
            plain,
            backup_name(branch, prefix=prefix, suffix=f"-{run_id}"),
            backup_name(branch.replace("/", "-"), prefix=prefix, suffix=f"-{run_id}"),
        )
        chosen = next(
            (ref_of(name) for name in options if _fits(ref_of(name), one.update.before, taken, folders)), None
        )
        if chosen is not None:
            taken[chosen] = one.update.before
            folders.update(_folders(chosen))
        named.append(replace(one, backup_ref=chosen))
    return tuple(named)


def _folders(ref: str) -> list[str]:
    parts = ref.removeprefix(HEADS).split("/")
    return [HEADS + "/".join(parts[:count]) for count in range(1, len(parts))]


def _fits(ref: str, oid: Oid, taken: dict[str, Oid], folders: set[str]) -> bool:
    if ref in taken:
        return taken[ref] == oid
    return ref not in folders and not any(folder in taken for folder in _folders(ref))


def make_backups(
    door: RefUpdater, publications: Sequence[Publication], *, existing: dict[str, Oid]
) -> tuple[Publication, ...]:
    """Make the backup branches; a branch whose backup cannot be made is held back."""
    missing = [
        one
        for one in publications
        if one.backup_ref is not None
        and existing.get(one.backup_ref) != one.update.before
        and one.state is MoveState.INTENDED
    ]
    failed: dict[str, str] = {
        one.update.ref: "no name for its backup branch is free"
        for one in publications
        if one.backup_ref is None and one.state is MoveState.INTENDED and not is_zero(one.update.before)
    }
    for start in range(0, len(missing), _AT_ONCE):
        chunk = missing[start : start + _AT_ONCE]
        if door.move_own([_creation(one) for one in chunk]) is not None:
            for one in chunk:
                refusal = door.move_own([_creation(one)])
                if refusal is not None:
                    failed[one.update.ref] = f"its backup branch cannot be made: {refusal.reason}"
    return tuple(
        replace(one, state=MoveState.HELD_BACK, detail=failed[one.update.ref], backup_ref=None)
        if one.update.ref in failed
        else one
        for one in publications
    )


def _creation(one: Publication) -> RefUpdate:
    assert one.backup_ref is not None
    return RefUpdate(ref=one.backup_ref, before=zero_like(one.update.before), after=one.update.before)


def removable_backups(
    repository: Repository,
    journal: Journal,
    made: Mapping[str, Sequence[Publication]],
    refs: Mapping[str, Oid],
    *,
    done: Collection[MoveState],
) -> tuple[list[tuple[str, Oid]], list[tuple[str, str]]]:
    """Backup branches of runs: those that can go, with their ids, and those that stay, with the reason.

    One that was moved is a person's work, and one that another run needs is its way back.

    Args:
        repository: the repository.
        journal: of the repository.
        made: run id -> its moves whose backup branch is to go.
        refs: every branch ref and its id.
        done: states in which a move needs its backup branch no more.
    """
    found: dict[str, Publication] = {}
    stay: dict[str, str] = {}
    for run_id, moves in made.items():
        there = [one for one in moves if one.backup_ref in refs]
        prefix = journal.plan(run_id).policy.backup_prefix if there else ""
        for one in there:
            assert one.backup_ref is not None
            if not one.backup_ref.startswith(HEADS) or not is_backup_name(branch_of(one.backup_ref), prefix=prefix):
                stay[one.backup_ref] = "it does not have the name of a backup branch"
            elif refs[one.backup_ref] != one.update.before:
                stay[one.backup_ref] = "it was moved since"
            elif one.state not in done:
                stay[one.backup_ref] = "its branch did not end where the run meant it to"
            else:
                found[one.backup_ref] = one
    # A branch that comes back to where it stood is backed up under the same name: one branch, the way back of several runs.
    for run_id, one in journal.moves_of(one.update.ref for one in found.values()):
        if run_id not in made and one.state is not MoveState.UNDONE and one.backup_ref in found:
            stay[one.backup_ref] = f"it is the way back of run {run_id}, too"
    for checkout in read_checkouts(repository, of_interest=found.keys()):
        stay[checkout.ref] = f"it is checked out in {checkout.path}"
    return [(ref, refs[ref]) for ref in found if ref not in stay], sorted(stay.items())


def remove_undone_backups(repository: Repository, journal: Journal, undo: RunRecord, *, emit: Emitter) -> None:
    """Remove the backup branches of moves that an undo put back; one that stays is named in a notice. Done twice it is the same.

    Raises:
        GitError, StoreError
    """
    run = undo
    while run.undoes is not None:
        run = journal.run(run.undoes)
    put_back = {one.update.ref for one in journal.publications(undo.id) if one.state is MoveState.MOVED}
    undone = [
        one
        for one in journal.publications(run.id)
        if one.state is MoveState.UNDONE and one.backup_ref is not None and one.update.ref in put_back
    ]
    if not undone:
        return
    refs = read_refs(repository, "refs/heads")
    gone, kept = removable_backups(repository, journal, {run.id: undone}, refs, done=(MoveState.UNDONE,))
    door = RefUpdater(repository, forbidden=frozenset(), message=f"git-align run {undo.id}: undo {run.id}")
    try:
        for ref, oid in gone:
            refusal = door.move_own(deletions([(ref, oid)]))
            kept += [(ref, refusal.reason)] if refusal is not None else []
    finally:
        door.close()
    for ref, reason in kept:
        emit(EventKind.NOTICE, text=f"backup branch {branch_of(ref)} stays: {reason}")
