"""Putting back a whole batch run: every landing of it, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Unpack

from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.state import BatchRun
from gitalign.core.events import EventKind
from gitalign.core.names import Oid, ref_of
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.documents.models.batches import BatchLandingsDocument
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.run.session import OpenRepository, Request, open_for
from gitalign.errors import NotPermitted, UnknownRun, UserError
from gitalign.facade.following import Following
from gitalign.facade.opened_batches import known_batch_store
from gitalign.facade.undoing import undo
from gitalign.git.refs import read_refs
from gitalign.ports import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLanding:
    """One landing of a batch run.

    Attributes:
        landing_run: the run that moved the target.
        before, after: where the target stood, and where that run put it.
        undone_by: the run that put it back; empty while it stands.
        reason: why it cannot be put back, or was not; empty where it can.
        on_remote: its remote still has it, as far as the journal knows.
        is_remote_only: the branch here never followed.
    """

    landing_run: str
    before: Oid
    after: Oid
    undone_by: str = ""
    reason: str = ""
    on_remote: bool = False
    is_remote_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLandings:
    """The landings of a batch run, newest first.

    Attributes:
        undone_now: landings that this undo put back, here or on a remote; none where all were put back before.
    """

    batch_run: str
    target: str
    landings: tuple[BatchLanding, ...]
    dry_run: bool
    undone_now: tuple[str, ...] = ()

    @property
    def standing(self) -> tuple[BatchLanding, ...]:
        """Those that are not put back."""
        return tuple(one for one in self.landings if not one.undone_by)

    def left(self, *, push: bool) -> tuple[BatchLanding, ...]:
        """Those that are not put back here or, with `push`, on their remote."""
        return tuple(one for one in self.landings if not one.undone_by or (push and one.on_remote))

    def possible(self, *, push: bool) -> tuple[BatchLanding, ...]:
        """Those of `left` that can be put back, up to the first one that cannot."""
        return tuple(takewhile(lambda one: not one.reason or bool(one.undone_by), self.left(push=push)))


def batch_landings(request: Request, batch_id: str, *, push: bool = False) -> BatchLandings:
    """What `undo_batches` would put back, and what keeps it from that. Changes nothing.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        push: as `undo_batches`.

    Raises:
        UnknownBatch, GitError, StoreError
    """
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        return landings_of(opened, store, store.read(batch_id), push=push)


def undo_batches(
    request: Request,
    batch_id: str,
    *,
    push: bool = False,
    permit: Permit | None = None,
    **following: Unpack[Following],
) -> BatchLandings:
    """Put the target back to before a batch run, landing by landing, the newest first. Each is a run, which can be undone.

    It ends at the first landing that cannot be put back: the target has moved on since, or is protected. Asked again after a
    crash, it goes on. With `push`, so does a landing that was put back here alone.

    Args:
        request: which repository.
        batch_id: as `batch_status`.
        push: put back on the remote, too, what was pushed.
        permit: to move branches.
        following: see `Following`.

    Raises:
        NotPermitted, UnknownBatch, AlreadyRunning, UserError, GitError, StoreError
    """
    if permit is None:
        raise NotPermitted(
            "undoing would move branches, which was not confirmed", hint="add --yes, or look first with --dry-run"
        )
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        batch_id = store.record(batch_id).id
        with store.held(batch_id):
            run = store.read(batch_id)
            landings = landings_of(opened, store, run, push=push)
            undone_now: list[str] = []
            for landing in landings.left(push=push):
                if landing.reason and not landing.undone_by:
                    break
                undone_now.append(landing.landing_run)
                undo(request, landing.landing_run, push=push, permit=permit, **following)
                landings = landings_of(opened, store, run, push=push)
                if any(one.landing_run == landing.landing_run for one in landings.left(push=push)):
                    break
            left = {one.landing_run for one in landings.left(push=push)}
            return replace(landings, dry_run=False, undone_now=tuple(one for one in undone_now if one not in left))


def landings_of(opened: OpenRepository, store: BatchStore, run: BatchRun, *, push: bool) -> BatchLandings:
    """See `batch_landings`, of an opened store."""
    ref = ref_of(run.target)
    on_remote = _on_remote(store.journal, ref)
    stands = read_refs(opened.repository, ref).get(ref)
    tip, ancestry = stands, Ancestry(opened.repository)
    landings: list[BatchLanding] = []
    for name in _landing_runs(store, run):
        landing = _landing(store.journal, name, ref, push=push)
        if landing is None:
            continue
        landing = replace(landing, on_remote=landing.after in on_remote)
        is_gone = bool(landing.undone_by) or landing.is_remote_only
        if is_gone and (at := tip or stands) is not None and ancestry.holds(at, landing.after):
            landing = replace(landing, undone_by="", reason="", is_remote_only=False)  # a pull brought it
        if not landing.undone_by and not landing.reason and not landing.is_remote_only:
            if tip != landing.after:
                landing = replace(landing, reason=f"{run.target} has moved on since")
            tip = landing.before if not landing.reason else None
        landings.append(landing)
    return BatchLandings(batch_run=run.id, target=run.target, landings=tuple(landings), dry_run=True)


def _landing_runs(store: BatchStore, run: BatchRun) -> list[str]:
    """Runs that landed, or may have landed, newest first: a batch can land in several parts."""
    events = store.journal.batch_events(run.id)
    merged = (one.data.get("landing_run") for one in events if one.kind is EventKind.MERGE_COMPLETED)
    known = [str(one) for one in merged if one] + [one.landing_run for one in run.batches if one.landing_run]
    records = []
    for name in dict.fromkeys(known):
        try:
            records.append(store.journal.run(name))
        except UnknownRun:  # it was killed before it began
            continue
    return [one.id for one in sorted(records, key=lambda one: one.started_at, reverse=True)]


def _on_remote(journal: Journal, ref: str) -> set[Oid]:
    """What a remote holds of what it was given, newest to oldest.

    A push that was cut off counts as made, giving back counts once it is known.
    """
    given: list[Publication] = []
    for one in journal.history_of([ref]).get(ref, ()):
        if one.push is PushState.PUSHED or (one.push is PushState.UNKNOWN and one.remote_after is None):
            given.append(one)
    held: set[Oid] = set()
    tip = given[-1].pushed_oid if given else None
    while tip is not None and tip not in held:
        held.add(tip)
        tip = next((one.remote_before for one in given if one.pushed_oid == tip and one.remote_after is None), None)
    return held


def _landing(journal: Journal, name: str, ref: str, *, push: bool) -> BatchLanding | None:
    """What a run made of the target; None when it did not move it."""
    record = journal.run(name)
    for one in journal.publications(name):
        is_remote_only = one.state is MoveState.STANDS and one.push is PushState.PUSHED
        if one.update.ref != ref or not (is_remote_only or one.state in (MoveState.MOVED, MoveState.UNDONE)):
            continue
        undone_by = (record.undone_by or "by hand") if one.state is MoveState.UNDONE else ""
        reason = ""
        if is_remote_only:
            undone_by = record.undone_by or ""
            reason = "" if undone_by or push else f"it is on the remote only: git align undo --push {name}"
        elif record.undone_by is not None:
            reason = _not_given_back(journal, record.undone_by, ref)
        update = one.update
        return BatchLanding(
            landing_run=name,
            before=update.before,
            after=update.after,
            undone_by=undone_by,
            reason=reason,
            is_remote_only=is_remote_only,
        )
    return None


def _not_given_back(journal: Journal, undo_run: str, ref: str) -> str:
    """What an undo said of a remote that it could not put back."""
    for one in journal.publications(undo_run):
        if one.update.ref == ref and one.push not in (PushState.NOT_ASKED, PushState.PUSHED):
            return one.push_detail
    return ""


def require_landings(found: BatchLandings) -> None:
    """Refuse a batch run that has landed nothing.

    Raises:
        UserError
    """
    if not found.landings:
        raise UserError(
            f"no batch of batch run {found.batch_run} has landed", hint=f"git align batch status {found.batch_run}"
        )


def landings_content(found: BatchLandings) -> dict[str, Any]:
    """The members of the document `batch-landings`."""
    return {
        "batch_run": found.batch_run,
        "target": found.target,
        "landings": [
            {
                "landing_run": one.landing_run,
                "before": one.before,
                "after": one.after,
                "undone_by": one.undone_by,
                "reason": one.reason,
                "on_remote": one.on_remote,
            }
            for one in found.landings
        ],
        "dry_run": found.dry_run,
        "undone_now": list(found.undone_now),
    }


def landings_from(document: BatchLandingsDocument) -> BatchLandings:
    """The landings of a batch run from their document, as far as they are shown."""
    return BatchLandings(
        batch_run=document["batch_run"],
        target=document["target"],
        landings=tuple(
            BatchLanding(
                landing_run=one["landing_run"],
                before=Oid(one["before"]),
                after=Oid(one["after"]),
                undone_by=one["undone_by"],
                reason=one["reason"],
                on_remote=one["on_remote"],
            )
            for one in document["landings"]
        ),
        dry_run=document["dry_run"],
        undone_now=tuple(document.get("undone_now", ())),
    )
