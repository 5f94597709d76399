"""Putting back a whole batch run: every landing of it, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack

from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.state import BatchRun
from gitalign.core.events import EventKind
from gitalign.core.names import Oid, ref_of
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, PushState
from gitalign.engine.run.session import OpenRepository, Request, open_for
from gitalign.errors import NotPermitted, UnknownRun, UserError
from gitalign.facade.batch_context import known_batch_store
from gitalign.facade.following import Following
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
    """

    landing_run: str
    before: Oid
    after: Oid
    undone_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLandings:
    """The landings of a batch run, newest first."""

    batch_run: str
    target: str
    landings: tuple[BatchLanding, ...]
    dry_run: bool

    @property
    def standing(self) -> tuple[BatchLanding, ...]:
        """Those that are not put back."""
        return tuple(one for one in self.landings if not one.undone_by)


def batch_landings(request: Request, batch_id: str) -> BatchLandings:
    """What `undo_batches` would put back, and what keeps it from that. Changes nothing.

    Raises:
        UnknownBatch, GitError, StoreError
    """
    opened = open_for(request)
    with known_batch_store(opened, batch_id) as store:
        return _landings(opened, store, store.read(batch_id))


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
    crash, it goes on.

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
            landings = _landings(opened, store, run)
            for landing in landings.standing:
                if landing.reason:
                    break
                undo(request, landing.landing_run, push=push, permit=permit, **following)
                landings = _landings(opened, store, run)
                if any(one.landing_run == landing.landing_run for one in landings.standing):
                    break
            return replace(landings, dry_run=False)


def _landings(opened: OpenRepository, store: BatchStore, run: BatchRun) -> BatchLandings:
    ref = ref_of(run.target)
    tip = read_refs(opened.repository, ref).get(ref)
    landings: list[BatchLanding] = []
    for name in _landing_runs(store, run):
        landing = _landing(store.journal, name, ref)
        if landing is None:
            continue
        if not landing.undone_by and not landing.reason:
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


def _landing(journal: Journal, name: str, ref: str) -> BatchLanding | None:
    """What a run made of the target; None when it did not move it."""
    record = journal.run(name)
    for one in journal.publications(name):
        is_remote_only = one.state is MoveState.STANDS and one.push is PushState.PUSHED
        if one.update.ref != ref or not (is_remote_only or one.state in (MoveState.MOVED, MoveState.UNDONE)):
            continue
        undone_by = (record.undone_by or "by hand") if one.state is MoveState.UNDONE else ""
        reason = f"it is on the remote only: git align undo --push {name}" if is_remote_only else ""
        update = one.update
        return BatchLanding(
            landing_run=name, before=update.before, after=update.after, undone_by=undone_by, reason=reason
        )
    return None


def require_landings(found: BatchLandings) -> None:
    """Refuse a batch run of which nothing stands that can be put back.

    Raises:
        UserError
    """
    standing = found.standing
    if not found.landings:
        raise UserError(
            f"no batch of batch run {found.batch_run} has landed", hint=f"git align batch status {found.batch_run}"
        )
    if standing and standing[0].reason:
        raise UserError(
            f"{standing[0].reason}: {found.target} stands on other commits than batch run {found.batch_run} left",
            hint=f"git log {standing[0].after[:12]}..{found.target}",
            code="target_moved_on",
        )
