"""Planning of batches: the plan of a file, and what it would do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gitalign.batches.history import foresight_of
from gitalign.batches.merging.target_place import no_branch
from gitalign.batches.planning.earlier import NOTHING_KNOWN, Foresight
from gitalign.batches.planning.make_plan import PlanStrategy, in_mode
from gitalign.batches.planning.plan import BatchPlan, ExecutionMode, Mode
from gitalign.batches.planning.tasks import TaskList
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.core.names import display, ref_of
from gitalign.core.snapshot import CheckoutState
from gitalign.engine.run.session import OpenRepository, Request, open_for
from gitalign.facade.opened_batches import batch_store, has_batch_runs
from gitalign.git.refs import read_refs
from gitalign.git.worktree import read_checkouts


def landing_warnings(request: Request, target: str | None) -> tuple[str, ...]:
    """What would keep results from landing on a branch as things stand now, each in words. Changes nothing.

    It can be put right while tasks run, so that it refuses nothing: a landing looks again.

    Args:
        request: which repository.
        target: the branch; None where a plan names none.

    Raises:
        GitError
    """
    if target is None:
        return ()
    repository, ref = open_for(request).repository, ref_of(target)
    if ref not in read_refs(repository, ref):
        error = no_branch(repository, target)
        return (f"{error.message}; {error.hint}",)
    checkouts = read_checkouts(repository, of_interest={ref})
    shown = display(target)
    if len(checkouts) > 1:
        return (f"{shown} cannot move as long as it is checked out in {' and '.join(one.path for one in checkouts)}",)
    return tuple(
        f"{shown} cannot move as long as its work tree {display(one.path)} is {one.state.value}: {one.detail}. "
        "Put that right before the tasks end, or land later with git align batch land"
        for one in checkouts
        if one.state is not CheckoutState.CLEAN
    )


def plan_batches(request: Request, source: PlanSource) -> BatchPlan:
    """The plan of a file, with what earlier runs of the same tasks showed. Nothing runs.

    Raises:
        TaskListError, GitError
        StoreError: earlier runs cannot be read.
    """
    opened = open_for(request)
    settings = opened.config.batch
    rules = replace(source.rules, strategy=PlanStrategy(settings.strategy), side_by_side=settings.max_concurrency)
    plan = read_plan(
        opened.repository, replace(source, rules=rules), at=opened.now(), foresight=partial(_foresight, opened)
    )
    if settings.enabled:
        return plan
    reason = "batch.enabled is false: tasks run one after another"
    return in_mode(plan, Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason=reason))


def _foresight(opened: OpenRepository, tasks: TaskList) -> Foresight:
    """What earlier runs showed of tasks; looking makes no journal."""
    if not has_batch_runs(opened):
        return NOTHING_KNOWN
    with batch_store(opened) as store:
        return foresight_of(opened.repository, store, tasks)
