"""Planning of batches: the plan of a file, and what it would do."""

from __future__ import annotations

from dataclasses import replace

from gitalign.batches.merging.target_place import no_branch
from gitalign.batches.planning.make_plan import PlanStrategy
from gitalign.batches.planning.plan import BatchPlan, ExecutionMode, Mode
from gitalign.batches.reading import PlanSource, read_plan
from gitalign.core.names import display, ref_of
from gitalign.core.snapshot import CheckoutState
from gitalign.engine.run.session import Request, open_for
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
    """The plan of a file. Nothing runs.

    Raises:
        TaskListError, GitError
    """
    opened = open_for(request)
    settings = opened.config.batch
    rules = replace(source.rules, strategy=PlanStrategy(settings.strategy))
    plan = read_plan(opened.repository, replace(source, rules=rules), at=opened.now())
    if settings.enabled:
        return plan
    reason = "batch.enabled is false: tasks run one after another"
    return replace(plan, mode=Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason=reason))
