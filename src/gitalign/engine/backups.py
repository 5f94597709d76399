"""Backup branches: `backup-<branch>-pre-align` at the place a branch is about to leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.names import HEADS, Oid, backup_name, branch_of, is_zero, ref_of, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.git.refs import RefDoor

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
    door: RefDoor, publications: Sequence[Publication], *, existing: dict[str, Oid]
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
