"""Deleting merged branches, here or on a remote: a run like any other, with journal, pins and undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.events import EventKind
from gitalign.core.merged import Merged, MergedBranch
from gitalign.core.names import ref_of, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.run import RunKind
from gitalign.documents import plans
from gitalign.engine.publishing.branch_sections import settle_sections
from gitalign.engine.publishing.guard import Guard, held_if_guarded, not_pushed_if_guarded
from gitalign.engine.publishing.move import verified
from gitalign.engine.publishing.pushing import Pusher, to_push
from gitalign.engine.publishing.recorded_run import claimed, ended, moved, new_record
from gitalign.engine.runtime.context import RunContext
from gitalign.git.branch_config import read_sections
from gitalign.git.refs import RefUpdater
from gitalign.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What is deleted.

    Attributes:
        found: what was looked at.
        branches: those to delete, all of one place.
        guard: decides what must not go.
    """

    found: Merged
    branches: Sequence[MergedBranch]
    guard: Guard


def delete_merged(run: RunContext, what: Deletion, *, pusher: Pusher) -> None:
    """Delete branches, each only if it still stands where it was seen.

    Args:
        run: the run that this deletion is.
        what: is deleted.
        pusher: deletes on remotes.

    Raises:
        GitError, StoreError: what has been intended is in the journal, and `resume` finishes it.
    """
    repository, journal, plan = run.repository, run.journal, what.found.plan
    forbidden = what.guard.refs(plan)
    publications = not_pushed_if_guarded(held_if_guarded(_intended(repository, what.branches), forbidden), forbidden)
    record = new_record(run, RunKind.PRUNE, plan_id=plan.id, total=len(publications))
    journal.begin_run(record, plan_json=plans.text_of(plan))
    run.emit(EventKind.RUN_STARTED, branches=len(publications))
    publications = claimed(run, publications)
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {run.run_id}: prune merged branches")
    publications = moved(run, door, publications, plan.targets)
    publications = verified(repository, publications)
    run.checkpoint("sections")
    settle_sections(repository, publications, emit=run.emit)
    if not run.stop.stop_requested:
        run.checkpoint("push")
        publications = pusher.away(publications)
    run.checkpoint("end")
    journal.update_publications(run.run_id, publications)
    ended(run, publications)


def _intended(repository: Repository, branches: Sequence[MergedBranch]) -> tuple[Publication, ...]:
    sections = read_sections(repository, [one.branch for one in branches if one.remote is None])
    made: list[Publication] = []
    for number, one in enumerate(branches):
        publication = Publication(
            update=RefUpdate(ref=ref_of(one.branch), before=one.tip, after=zero_like(one.tip)),
            stack=number,
            state=MoveState.INTENDED if one.remote is None else MoveState.STANDS,
            section=sections.get(one.branch, ()) if one.remote is None else (),
        )
        made.append(publication if one.remote is None else to_push(publication, one.place))
    return tuple(made)
