"""Undo: a publication in reverse, restricted to branches that still stand where the run put them. Itself a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitalign.core.events import EventKind
from gitalign.core.filters import ALL, Filters
from gitalign.core.names import branch_of, is_zero, zero_like
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.report import is_decided
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.publishing.anchor import present
from gitalign.engine.publishing.backups import remove_undone_backups
from gitalign.engine.publishing.branch_sections import settle_sections
from gitalign.engine.publishing.guard import Guard, held_if_guarded
from gitalign.engine.publishing.move import verified
from gitalign.engine.publishing.pushing import Pusher, to_give_back
from gitalign.engine.publishing.recorded_run import claimed, ended, moved, new_record
from gitalign.engine.publishing.undone import as_they_stand, has_only_pushed, mark_undone
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.snapshots import with_commits
from gitalign.errors import UserError
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.git.worktree import read_checkouts
from gitalign.ports import Journal


def preview(
    repository: Repository, journal: Journal, run_id: str, *, guard: Guard, filters: Filters = ALL, push: bool = False
) -> tuple[Publication, ...]:
    """What undoing a run would do: `intended` moves, and `held_back` ones with the reason. Changes nothing.

    Args:
        repository: the repository.
        journal: of the repository.
        run_id: the run to undo.
        guard: decides what must not move, whatever the journal says.
        filters: which branches are asked for; they look at the commit where the run put a branch.
        push: put remotes back, too; then branches that stand where they stood already, or never moved, are among these.
    """
    names = _names(journal, run_id) if not filters.are_none else {}
    guarded = guard.refs(journal.plan(run_id))
    wanted = (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS) if push else (MoveState.MOVED,)
    made = [one for one in as_they_stand(repository, journal, run_id) if one.state in wanted]
    if filters.reads_commits:
        filters = with_commits(repository, filters, present(repository, sorted({one.update.after for one in made})))
    chosen = [one for one in made if filters.are_none or filters.takes(names.get(one.update.ref, ()), one.update.after)]
    now = read_refs(repository, "refs/heads")
    there = present(repository, sorted({one.update.before for one in chosen if not is_zero(one.update.before)}))
    held = {
        checkout.ref: checkout.path
        for checkout in read_checkouts(repository, of_interest={one.update.ref for one in chosen})
    }
    history = journal.history_of(one.update.ref for one in chosen) if push else {}
    back = [
        _reversed(
            one,
            stands=now.get(one.update.ref),
            survives=is_zero(one.update.before) or one.update.before in there,
            work_tree=held.get(one.update.ref),
        )
        for one in chosen
    ]
    back = list(held_if_guarded(back, guarded))
    if push:
        back = [to_give_back(one, history.get(one.update.ref, ()), of=of) for one, of in zip(back, chosen, strict=True)]
    return tuple(one for one in back if one.state is not MoveState.STANDS or one.push is not PushState.NOT_ASKED)


def _names(journal: Journal, run_id: str) -> dict[str, tuple[str, ...]]:
    """Moved ref -> its branch name, and that of the branch it was moved for."""
    plan = journal.plan(run_id)
    made_for = {step.moved_ref: step.branch.name for step in plan.steps if step.integration is not None}
    return {
        one.update.ref: (branch_of(one.update.ref), *([made_for[one.update.ref]] if one.update.ref in made_for else []))
        for one in journal.publications(run_id)
    }


def _reversed(one: Publication, *, stands: str | None, survives: bool, work_tree: str | None) -> Publication:
    back = Publication(
        update=RefUpdate(ref=one.update.ref, before=one.update.after, after=one.update.before),
        stack=one.stack,
        state=MoveState.INTENDED if one.state is MoveState.MOVED else MoveState.STANDS,
        work_tree=work_tree,
        section=one.section,
    )
    if one.state is not MoveState.MOVED:
        return back
    if (stands or zero_like(one.update.after)) != one.update.after:
        where = f"stands at {stands[:12]}" if stands else "is gone"
        return replace(back, state=MoveState.HELD_BACK, detail=f"it {where}, not where the run put it; left alone")
    if work_tree is not None and is_zero(one.update.before):
        return replace(back, state=MoveState.HELD_BACK, detail=f"it was made by the run, and {work_tree} is on it now")
    if not survives:
        return replace(
            back, state=MoveState.HELD_BACK, detail=f"commit {one.update.before[:12]} is not in the repository any more"
        )
    return back


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What is undone.

    Attributes:
        run_id: the run to undo; an undo can be undone too.
        filters: which branches are asked for; they look at the commit where the run put a branch.
        push: put back on the remote too what was pushed, leased on what was pushed.
        guard: decides what must not move.
    """

    run_id: str
    filters: Filters
    push: bool
    guard: Guard


def undo(run: RunContext, what: Undo, *, pusher: Pusher) -> tuple[Publication, ...]:
    """Put back what a run moved.

    Args:
        run: the run that this undo is.
        what: is undone.
        pusher: puts remotes back.

    Raises:
        UserError: the run moved nothing that could be put back.
        GitError, StoreError
    """
    repository, journal = run.repository, run.journal
    plan_json = journal.plan_json(what.run_id)
    plan = journal.plan(what.run_id)
    publications = preview(repository, journal, what.run_id, guard=what.guard, filters=what.filters, push=what.push)
    if not publications:
        undone = journal.run(what.run_id)
        raise _nothing_to_undo(undone, what, only_pushed=has_only_pushed(journal, undone))
    record = new_record(run, RunKind.UNDO, plan_id=plan.id, total=len(publications), undoes=what.run_id)
    journal.begin_run(record, plan_json=plan_json)
    run.emit(EventKind.RUN_STARTED, undoes=what.run_id, branches=len(publications))
    publications = claimed(run, publications)
    words = f"git-align run {run.run_id}: undo {what.run_id}"
    door = RefUpdater(repository, forbidden=what.guard.refs(plan), message=words)
    publications = moved(run, door, publications, plan.targets)
    run.checkpoint("verify")
    publications = verified(repository, publications)
    settle_sections(repository, publications, emit=run.emit)
    run.emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if what.push and not run.stop.stop_requested:
        run.checkpoint("push")
        publications = pusher.back(publications)
    run.checkpoint("end")
    journal.update_publications(run.run_id, publications)
    mark_undone(journal, what.run_id, publications, by=run.run_id)
    run.checkpoint("marked")
    remove_undone_backups(repository, journal, record, emit=run.emit)
    run.checkpoint("backups removed")
    ended(run, publications)
    return publications


def _nothing_to_undo(record: RunRecord, what: Undo, *, only_pushed: bool) -> UserError:
    """Why there is nothing to put back."""
    if only_pushed and not what.push:
        reason, hint = "moved nothing here, it only pushed", f"git align undo {record.id} --push"
    elif what.filters.only:
        reason, hint = (
            f"moved no branch that matches {', '.join(what.filters.only)} and is not undone",
            "git align runs",
        )
    elif not what.filters.are_none:
        reason, hint = "moved no branch that passes the filters and is not undone", "git align runs"
    else:
        reason, hint = "moved nothing", "git align runs"
    return UserError(f"run {record.id} {reason}", hint=hint, code="nothing_to_undo")


def push_back(journal: Journal, run_id: str, *, pusher: Pusher) -> None:
    """Put remotes back as an undo did branches: for one that was cut off, did not push when it was made, or was refused then.

    Args:
        journal: of the repository.
        run_id: the undo.
        pusher: puts remotes back.
    """
    journal.take(run_id)
    try:
        known = journal.publications(run_id)
        history = journal.history_of(one.update.ref for one in known)
        publications = pusher.back([_asked_again(to_give_back(one, history.get(one.update.ref, ()))) for one in known])
        journal.update_publications(run_id, publications)
        outcome = "ok" if all(map(is_decided, publications)) else "attention"
        journal.set_state(run_id, RunState.FINISHED, outcome=outcome)
    finally:
        journal.release(run_id)


def _asked_again(one: Publication) -> Publication:
    """A remote that refused may take it now: it stands where the run left it again, or a guard is gone."""
    is_refused = one.push in (PushState.REJECTED, PushState.HELD_BACK) and one.remote_after is not None
    return replace(one, push=PushState.UNKNOWN) if is_refused else one
