"""The branches of a remote as a working set: read from the remote itself, each with the lease under which it may be replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitalign.core.names import HEADS, BranchName, branch_of, ref_of
from gitalign.core.outcome import Aligned
from gitalign.core.plan import Step, Target
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.push import PushPlace, PushSettings, guarded
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.working_set import remote_of
from gitalign.engine.publishing.push_planning import push_rules, twin_fault
from gitalign.engine.publishing.pushing import to_push
from gitalign.git.asking import kinds
from gitalign.git.remote import fetch_branches, remote_tips_and_head
from gitalign.git.repository import Repository

_ATTEMPTS = 3


def read_remote(repository: Repository, remote: str) -> tuple[tuple[Tip, ...], BranchName | None]:
    """What a remote holds now, with its commits brought here, and its default branch; only remote-tracking branches move.

    The place that is written to is asked, which may be another than the one that is fetched from. A branch whose commit
    cannot be had is of the type `missing`.

    Args:
        repository: the repository.
        remote: name of the remote.

    Raises:
        RemoteError, GitError
    """
    fetch_branches(repository, remote)
    for attempt in range(1, _ATTEMPTS + 1):
        there, head = remote_tips_and_head(repository, remote)
        types = kinds(repository.git, list(there.values()))
        if "missing" not in types or attempt == _ATTEMPTS:
            break
        fetch_branches(repository, remote)  # another push came between the two looks
    tips = (
        Tip(ref=ref_of(name), oid=oid, object_type=kind) for (name, oid), kind in zip(there.items(), types, strict=True)
    )
    return tuple(tips), head


def with_places_on(
    repository: Repository, snapshot: Snapshot, settings: PushSettings, *, targets: Iterable[Target]
) -> Snapshot:
    """The snapshot with where branches of a remote are pushed: to where they are, leased on where they stand.

    Args:
        repository: the repository.
        snapshot: with branches of a remote in it.
        settings: of the operator.
        targets: of the plan.

    Raises:
        GitError
    """
    remote = snapshot.branches_of
    if remote is None:
        return snapshot
    fault = push_rules(repository, settings, besides=[remote]).fault_of(remote)
    there = {branch_of(tip.ref) for tip in snapshot.tips if tip.ref.startswith(HEADS)}
    places = {
        name: PushPlace(remote=remote, ref=tip.ref, tip=tip.oid, held=fault or twin_fault(remote, tip.ref, there))
        for tip in snapshot.tips
        if tip.ref.startswith(HEADS) and remote_of(snapshot, name := BranchName(branch_of(tip.ref))) is not None
    }
    primaries = {*(target.name for target in targets), *settings.targets}
    checked = guarded(places, primaries=primaries, protected=settings.protected)
    return replace(snapshot, remote=remote, push_places=(*snapshot.push_places, *sorted(checked.items())))


def publication_on_remote(step: Step, aligned: Aligned) -> Publication:
    """What is to become of a branch of a remote: nothing moves here, the remote gets the result under its lease."""
    one = Publication(
        update=RefUpdate(ref=step.ref, before=step.seen, after=aligned.after), stack=step.stack, state=MoveState.STANDS
    )
    return to_push(one, step.push_to)
