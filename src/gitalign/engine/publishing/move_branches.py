"""Moving branches to commits that are there already: a run like any other, with journal, pins and undo."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.events import EventKind
from gitalign.core.names import HEADS
from gitalign.core.plan import Plan
from gitalign.core.plan_hash import plan_hash
from gitalign.core.policy import Policy
from gitalign.core.publication import MoveState, Publication
from gitalign.core.run import RunKind
from gitalign.core.snapshot import Snapshot
from gitalign.documents import plans
from gitalign.engine.publishing.backups import make_backups, with_backup_refs
from gitalign.engine.publishing.guard import Guard, held_if_guarded
from gitalign.engine.publishing.move import verified
from gitalign.engine.publishing.publish import require_stored
from gitalign.engine.publishing.recorded_run import claimed, ended, moved, new_record
from gitalign.engine.runtime.context import RunContext
from gitalign.git.refs import RefUpdater, read_tips


def move_branches(
    run: RunContext,
    publications: Sequence[Publication],
    *,
    guard: Guard,
    message: str,
    backup_prefix: str | None = None,
) -> tuple[Publication, ...]:
    """Move branches, each only if it still stands where it was seen.

    Args:
        run: that this is; it is not in the journal yet.
        publications: what is intended, and what is held back with its reason.
        guard: decides what must not move.
        message: for the reflogs, after the name of the run.
        backup_prefix: of the backup branches that are made first; None for none.

    Raises:
        GitError, StoreError, MissingObject: what has been intended is in the journal, and `resume` finishes it.
    """
    repository, journal = run.repository, run.journal
    tips = read_tips(repository)
    refs = {one.update.ref for one in publications}
    snapshot = Snapshot(
        repository=repository.common_dir,
        object_format=repository.object_format,
        taken_at=run.started_at,
        tips=tuple(tip for tip in tips if tip.ref in refs),
    )
    # Nothing is aligned, so the plan has no step: it says which branches stood where.
    digest = plan_hash(snapshot=snapshot, policy=Policy(), targets=(), steps=(), excluded=())
    plan = Plan(id=digest, snapshot=snapshot, policy=Policy(), targets=(), steps=(), excluded=())
    forbidden = guard.refs(plan, tips)
    record = new_record(run, RunKind.MOVE, plan_id=plan.id, total=len(publications))
    journal.begin_run(record, plan_json=plans.text_of(plan))
    run.emit(EventKind.RUN_STARTED, branches=len(publications))
    publications = claimed(run, held_if_guarded(publications, forbidden))
    door = RefUpdater(repository, forbidden=forbidden, message=f"git-align run {run.run_id}: {message}")
    if backup_prefix is not None:
        existing = {tip.ref: tip.oid for tip in tips if tip.ref.startswith(HEADS)}
        named = with_backup_refs(publications, prefix=backup_prefix, run_id=run.run_id, existing=existing)
        run.checkpoint("backups")
        publications = make_backups(door, named, existing=existing)
    require_stored(repository, [one for one in publications if one.state is MoveState.INTENDED])
    publications = moved(run, door, publications, plan.targets)
    run.checkpoint("verify")
    publications = verified(repository, publications)
    run.emit(EventKind.VERIFIED, moved=sum(one.state is MoveState.MOVED for one in publications))
    run.checkpoint("end")
    journal.update_publications(run.run_id, publications)
    ended(run, publications)
    return publications
