"""A run that only pushes: what earlier runs moved, and the remotes do not hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gitalign.core.events import EventKind
from gitalign.core.filters import Filters
from gitalign.core.names import branch_of, is_zero, ref_of
from gitalign.core.plan import Plan
from gitalign.core.plan_hash import plan_hash
from gitalign.core.policy import Policy
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.push import PushSettings
from gitalign.core.run import RunKind
from gitalign.core.targets import discover_targets
from gitalign.documents import plans
from gitalign.engine.publishing.push_history import Ancestry, unpushed
from gitalign.engine.publishing.push_planning import Remotes, places_of, push_rules
from gitalign.engine.publishing.pushing import Pusher, to_push
from gitalign.engine.publishing.recorded_run import claimed, ended, intended_and_pinned, new_record
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.snapshots import take_snapshot, with_commits
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal


def to_push_of_runs(
    repository: Repository,
    journal: Journal,
    run_id: str | None,
    *,
    filters: Filters,
    settings: PushSettings,
    targets: Sequence[str],
) -> tuple[Publication, ...]:
    """What runs moved and the remotes do not hold, with where it goes or why it does not. Asks the remotes.

    Args:
        repository: the repository.
        journal: of the repository.
        run_id: only branches that this run moved; None for all runs.
        filters: which branches are asked for.
        settings: of the operator.
        targets: names of target branches.

    Raises:
        GitError, RemoteError
    """
    local = read_refs(repository, "refs/heads")
    history = journal.history_of(local if run_id is None else _moved_by(journal, run_id))
    filters = with_commits(repository, filters, (local[ref] for ref in history if ref in local))
    names = sorted(
        branch_of(ref)
        for ref in history
        if ref in local and branch_of(ref) not in targets and filters.left_out(branch_of(ref), local[ref]) is None
    )
    places = places_of(names, push_rules(repository, settings), Remotes(repository), settings, targets=targets)
    ancestry = Ancestry(repository)
    found: list[Publication] = []
    for name, place in places.items():
        ref = ref_of(name)
        there = place.tip
        if there is None and not place.held:
            continue  # what is on no remote is not made there
        made = (
            unpushed(ancestry, local[ref], there, history[ref])
            if there is not None
            else next((one.update.after for one in reversed(history[ref]) if one.state is MoveState.MOVED), None)
        )
        if made is None or is_zero(made):
            continue
        one = Publication(update=RefUpdate(ref=ref, before=made, after=made), stack=len(found), state=MoveState.STANDS)
        found.append(to_push(one, place))
    return tuple(found)


def _moved_by(journal: Journal, run_id: str) -> list[str]:
    return [one.update.ref for one in journal.publications(run_id) if one.state is MoveState.MOVED]


def push_earlier(
    run: RunContext,
    publications: Sequence[Publication],
    *,
    policy: Policy,
    target_names: Sequence[str],
    pusher: Pusher,
) -> None:
    """Push what earlier runs moved, as a run of its own in the journal.

    Args:
        run: the new run.
        publications: as `to_push_of_runs` gave them.
        policy: of the operator.
        target_names: as configured.
        pusher: pushes, and tells what came of it.

    Raises:
        GitError, StoreError: what has been intended is in the journal, and `resume` asks the remotes what arrived.
    """
    journal = run.journal
    plan = _plan(run.repository, policy, target_names, at=run.started_at)
    record = new_record(run, RunKind.PUSH, plan_id=plan.id, total=len(publications))
    journal.begin_run(record, plan_json=plans.text_of(plan))
    run.emit(EventKind.RUN_STARTED, branches=len(publications))
    publications = claimed(run, publications)
    door = RefUpdater(run.repository, forbidden=frozenset(), message=f"git-align run {run.run_id}: push")
    try:
        intended_and_pinned(run, door, publications, plan.targets)
        run.checkpoint("push")
        pushed = pusher.forward(publications)
        run.checkpoint("end")
        journal.update_publications(run.run_id, pushed)
    finally:
        door.close()
    ended(run, pushed)


def _plan(repository: Repository, policy: Policy, target_names: Sequence[str], *, at: datetime) -> Plan:
    """A plan without steps: nothing is aligned."""
    snapshot = take_snapshot(repository, now=at)
    targets = discover_targets(snapshot, target_names)
    return Plan(
        id=plan_hash(snapshot=snapshot, policy=policy, targets=targets, steps=(), excluded=()),
        snapshot=snapshot,
        policy=policy,
        targets=targets,
        steps=(),
        excluded=(),
    )
