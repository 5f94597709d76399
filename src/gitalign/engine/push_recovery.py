"""After a crash behind a push: the remotes are asked what they hold, for only they know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.report import is_settled
from gitalign.core.run import RunRecord, RunState
from gitalign.engine.push_planning import Remotes
from gitalign.engine.pushing import settled
from gitalign.git.repository import Repository
from gitalign.ports import Journal

_DEADLINE_S = 60.0
"""Long enough for a remote that answers; a recovery must not wait ten minutes for one that does not."""


def settle_pushes(repository: Repository, publications: Sequence[Publication]) -> tuple[Publication, ...]:
    """The publications with what became of pushes whose end is not known. Pushes nothing.

    Where a remote cannot be asked, the state stays `unknown` and the detail says so.
    """
    remotes = Remotes(repository, timeout_s=_DEADLINE_S)
    return tuple(_settled(one, remotes) if one.push is PushState.UNKNOWN else one for one in publications)


def _settled(one: Publication, remotes: Remotes) -> Publication:
    if one.state in (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS):
        return settled(one, remotes)
    if one.state is MoveState.INTENDED:
        return one
    return replace(one, push=PushState.NOT_PUSHED, push_detail="its branch did not move")


def settle_earlier(repository: Repository, journal: Journal) -> tuple[RunRecord, ...]:
    """Ask again about pushes of finished runs that nobody knew the end of; the runs it was about.

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
            is_well = record.outcome == "ok" and all(map(is_settled, publications))
            journal.set_state(run_id, RunState.FINISHED, outcome="ok" if is_well else "attention")
        asked.append(record)
    return tuple(asked)
