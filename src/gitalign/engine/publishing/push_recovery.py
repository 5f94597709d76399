"""After a crash behind a push: the remotes are asked what they hold, for only they know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.names import Oid, branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import place_words
from gitalign.core.report import is_decided
from gitalign.core.run import RunRecord, RunState
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.publishing.push_planning import Remotes
from gitalign.errors import GitError, RemoteError
from gitalign.git.repository import Repository
from gitalign.ports import Journal

_DEADLINE_S = 60.0
"""Long enough for a remote that answers; a recovery must not wait ten minutes for one that does not."""


def settle_pushes(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications with what became of pushes whose end is not known. Pushes nothing.

    Where a remote cannot be asked, the state stays `unknown` and the detail says so.
    """
    remotes = Remotes(repository, timeout_s=_DEADLINE_S)
    ancestry = Ancestry(repository)
    return tuple(_settled(one, remotes, ancestry) if one.push is PushState.UNKNOWN else one for one in publications)


def settle_before_moves(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications of a landing that was cut off: it pushes first, so the remote says whether the target moves here, too.

    What the remote has is still to be moved here. What it has not stands where it stood, as if nothing had been begun. Where it
    cannot be asked, nothing moves here, and the push stays `unknown`.
    """
    remotes = Remotes(repository, timeout_s=_DEADLINE_S)
    ancestry = Ancestry(repository)
    return tuple(
        _before_it_moves(one, remotes, ancestry)
        if one.state is MoveState.INTENDED and one.push is not PushState.NOT_ASKED
        else one
        for one in publications
    )


def settle_late_landings(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications of a landing, its push asked about again: a push outlives the process that began it."""
    remotes = Remotes(repository, timeout_s=_DEADLINE_S)
    ancestry = Ancestry(repository)
    looked = (
        settled(one, remotes, ancestry) if one.push in (PushState.UNKNOWN, PushState.NOT_PUSHED) else one
        for one in publications
    )
    return tuple(
        replace(one, state=MoveState.STANDS, detail="")
        if one.state is MoveState.ROLLED_BACK and one.push is PushState.PUSHED
        else one
        for one in looked
    )


def standing_where_pushed(publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications; those that a remote has, and that could not move here, count as pushed only."""
    return tuple(
        replace(one, state=MoveState.STANDS)
        if one.state is MoveState.HELD_BACK and one.push in (PushState.PUSHED, PushState.UP_TO_DATE)
        else one
        for one in publications
    )


def _before_it_moves(one: Publication, remotes: Remotes, ancestry: Ancestry) -> Publication:
    one = settled(one, remotes, ancestry) if one.push is PushState.UNKNOWN else one
    if one.push in (PushState.PUSHED, PushState.UP_TO_DATE):
        return one
    if one.push is PushState.UNKNOWN:
        return replace(one, state=MoveState.STANDS)
    return replace(one, state=MoveState.ROLLED_BACK, detail=one.push_detail or "it was not pushed")


def _settled(one: Publication, remotes: Remotes, ancestry: Ancestry) -> Publication:
    if one.state in (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS):
        return settled(one, remotes, ancestry)
    if one.state is MoveState.INTENDED:
        return one
    return replace(one, push=PushState.NOT_PUSHED, push_detail="its branch did not move")


def settled(one: Publication, remotes: Remotes, ancestry: Ancestry | None = None) -> Publication:
    """What became of a push whose end is not known, by what the remote holds now.

    Args:
        one: says where it was to go, and what stood there.
        remotes: are asked.
        ancestry: tells whether it arrived where another process pushed since; None where that makes no difference.
    """
    if one.remote is None or one.remote_before is None:
        return replace(one, push=PushState.NOT_PUSHED, push_detail="it was not on the remote")
    where = place_words(one.remote, one.pushed_ref)
    try:
        there = remotes.tips(one.remote).get(branch_of(one.pushed_ref), zero_like(one.pushed_oid))
    except (GitError, RemoteError) as error:
        words = f"{where} may or may not have it: {error.message}"
        return replace(one, push=PushState.UNKNOWN, push_detail=words)
    if there == one.pushed_oid:
        return replace(one, push=PushState.PUSHED, push_detail="")
    if there == one.remote_before:
        return replace(one, push=PushState.NOT_PUSHED, push_detail=f"ended before it was pushed to {where}")
    if is_zero(there):
        return replace(one, push=PushState.REJECTED, push_detail=f"{where} is gone")
    words = f"{where} stands at {there[:12]} now: another push came after; left alone"
    state = PushState.REJECTED if ancestry is None else _behind(one, there, ancestry)
    if state is PushState.UNKNOWN:
        words = f"{where} stands at {there[:12]} now, which was never fetched; git fetch, then git align resume"
    return replace(one, push=state, push_detail="" if state is PushState.PUSHED else words)


def _behind(one: Publication, there: Oid, ancestry: Ancestry) -> PushState:
    """Whether a push arrived that another process pushed on top of, or over."""
    was, sent = one.remote_before or there, one.pushed_oid
    if is_zero(sent):
        return PushState.REJECTED  # whatever is there now, it is not what was to be deleted
    if is_zero(was):
        has_it = ancestry.holds(there, sent)
        return PushState.UNKNOWN if has_it is None else PushState.PUSHED if has_it else PushState.REJECTED
    has_sent, has_was = ancestry.holds(there, sent), ancestry.holds(there, was)
    if has_sent is None or has_was is None:
        return PushState.UNKNOWN
    # Where what stood there before holds all of what was sent, to have the latter says nothing.
    arrived = has_sent and (not has_was or bool(ancestry.holds(sent, was)))
    return PushState.PUSHED if arrived else PushState.REJECTED


def settle_late(repository: Repository, journal: Journal, run_id: str) -> bool:
    """Ask again about pushes of a run that was cut off and that had not arrived: a push outlives the process that began it.

    Args:
        repository: the repository.
        journal: of the repository.
        run_id: the run.

    Returns:
        Whether any has arrived by now; the journal says which. A remote that does not answer changes nothing.
    """
    remotes = Remotes(repository, timeout_s=_DEADLINE_S)
    waiting = [
        one
        for one in journal.publications(run_id)
        if one.state is MoveState.STANDS and one.push is PushState.NOT_PUSHED and one.remote_before is not None
    ]
    arrived = [one for one in (settled(one, remotes) for one in waiting) if one.push is PushState.PUSHED]
    journal.update_publications(run_id, arrived)
    return bool(arrived)


def settle_earlier(repository: Repository, journal: Journal) -> tuple[RunRecord, ...]:
    """Ask again about pushes of finished runs that no one knew the end of; the runs it was about.

    Raises:
        StoreError
    """
    asked: list[RunRecord] = []
    for run_id in journal.unsettled_pushes():
        record = journal.run(run_id)
        if record.state is not RunState.FINISHED:
            continue
        publications = settle_pushes(repository, journal.publications(run_id))
        journal.update_publications(run_id, publications)
        if record.outcome in ("ok", "attention"):
            is_well = record.outcome == "ok" and all(map(is_decided, publications))
            journal.set_state(run_id, RunState.FINISHED, outcome="ok" if is_well else "attention")
        asked.append(record)
    return tuple(asked)
