"""Publishing a run: journal, pin, back up, move, read back, push. In this order, so that nothing can be lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gitalign.core.events import EventKind
from gitalign.core.names import HEADS, Oid, is_zero
from gitalign.core.outcome import Aligned
from gitalign.core.plan import Permit, Plan, Step
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.engine.publishing.anchor import anchor_ref, present, release_keeps
from gitalign.engine.publishing.backups import make_backups, with_backup_refs
from gitalign.engine.publishing.guard import Guard, held_if_guarded, not_pushed_if_guarded
from gitalign.engine.publishing.held_ahead import HeldAhead
from gitalign.engine.publishing.move import move_stacks, verified
from gitalign.engine.publishing.pushing import stopped_before_push, to_push
from gitalign.engine.publishing.recorded_run import pinned
from gitalign.engine.runtime.context import RunContext
from gitalign.errors import MissingObject, NotPermitted
from gitalign.git.refs import RefUpdater, read_tips
from gitalign.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Results of a run that are to be published.

    Attributes:
        plan: whose steps.
        permit: for exactly this plan.
        aligned: steps of local branches with results that differ from where their branch stands.
        standing: what is only pushed: results of branches of a remote, and what earlier runs made of branches that do not
            move now.
        guard: decides again what must not move, whatever the plan says.
        store: brings the new objects into the repository, held there until they are pinned; how many packs it made.
        push: pushes what moved; called only when the permit says so.
        ahead: what branches leave behind, packed already.
    """

    plan: Plan
    permit: Permit
    aligned: Sequence[tuple[Step, Aligned]]
    standing: Sequence[Publication]
    guard: Guard
    store: Callable[[], int]
    push: Callable[[Sequence[Publication]], tuple[Publication, ...]]
    ahead: HeldAhead | None = None


def publish(run: RunContext, results: Results) -> tuple[Publication, ...]:
    """Move the aligned branches of a run, each only if it still stands where the plan saw it.

    Raises:
        NotPermitted: the permit is for another plan.
        GitError, StoreError: what has been intended is in the journal, and `resume` finishes it.
    """
    plan, permit, repository = results.plan, results.permit, run.repository
    if permit.plan_id != plan.id:
        raise NotPermitted("the permit is for another plan", hint="git align run --yes")
    tips = read_tips(repository)
    existing = {tip.ref: tip.oid for tip in tips if tip.ref.startswith(HEADS)}
    forbidden = results.guard.refs(plan, tips)
    publications = held_if_guarded([_intended(step, one, permit) for step, one in results.aligned], forbidden)
    if plan.policy.backups:
        publications = with_backup_refs(
            publications, prefix=plan.policy.backup_prefix, run_id=run.run_id, existing=existing
        )
    run.emit(EventKind.PUBLISH_STARTED, branches=len(publications))
    publications = not_pushed_if_guarded((*publications, *results.standing), forbidden)
    run.checkpoint("journal")
    run.journal.intend(run.run_id, publications, anchor=anchor_ref(run.run_id))
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {run.run_id}: {plan.policy.strategy}")
    try:
        publications, packs = _store_and_back_up(run, door, publications, results, existing)
        run.journal.update_publications(
            run.run_id, [one for one in publications if one.state is not MoveState.INTENDED]
        )
        require_stored(repository, publications)
        run.checkpoint("pin")
        pinned(run, door, publications, plan.targets, ahead=results.ahead)
        run.emit(EventKind.PINNED, ref=anchor_ref(run.run_id))
        run.checkpoint("keep")
        if packs:
            release_keeps(repository, run.run_id)
        publications = move_stacks(run, door, publications)
    finally:
        door.close()
    run.checkpoint("verify")
    publications = verified(repository, publications)
    run.emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    if permit.push and run.stop.stop_requested:
        publications = tuple(map(stopped_before_push, publications))
    elif permit.push:
        run.checkpoint("push")
        publications = results.push(publications)
    run.checkpoint("end")
    run.journal.update_publications(run.run_id, publications)
    return publications


def _store_and_back_up(
    run: RunContext,
    door: RefUpdater,
    publications: Sequence[Publication],
    results: Results,
    existing: dict[str, Oid],
) -> tuple[tuple[Publication, ...], int]:
    """Bring the new objects in and make the backup branches: neither needs the other, so both go on at once."""
    run.checkpoint("store")
    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(results.store)
        backed_up = tuple(publications)
        if results.plan.policy.backups:
            run.checkpoint("backups")
            backed_up = make_backups(door, publications, existing=existing)
            run.emit(EventKind.BACKUPS_CREATED, branches=sum(one.backup_ref is not None for one in backed_up))
        packs = stored.result()
    return backed_up, packs


def require_stored(repository: Repository, publications: Sequence[Publication]) -> None:
    """Refuse to go on when a commit that a branch is to move to is not in the repository.

    Raises:
        MissingObject: nothing has moved; `resume` makes the run again.
    """
    wanted = sorted({one.update.after for one in publications if not is_zero(one.update.after)})
    missing = sorted(set(wanted) - present(repository, wanted))
    if missing:
        raise MissingObject(
            f"{len(missing)} of the run's {len(wanted)} new commits are not in the repository, first {missing[0][:12]}; "
            "nothing was moved",
            hint="git align resume",
        )


def _intended(step: Step, aligned: Aligned, permit: Permit) -> Publication:
    one = Publication(
        update=RefUpdate(ref=step.moved_ref, before=step.moved_from, after=aligned.after),
        stack=step.stack,
        state=MoveState.INTENDED,
        work_tree=step.checkout,
    )
    return to_push(one, step.push_to) if permit.push else one
