"""Aligning every branch of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from gitalign.core.names import display
from gitalign.core.plan import Permit, Plan
from gitalign.core.report import Report
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.run.carry_out import NO_PLUGINS, Assignment, Plugins, carry_out
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.known_answer import keep_answer
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import journal_of, open_for
from gitalign.errors import NotPermitted, PlanRefused, UserError
from gitalign.facade.following import Following, caller_of
from gitalign.facade.protecting import require_protected
from gitalign.git.refs import read_tips


def run(
    request: Request,
    *,
    plan: Plan | None = None,
    permit: Permit | None = None,
    plugins: Plugins = NO_PLUGINS,
    **following: Unpack[Following],
) -> Report:
    """Align every branch of a plan and publish the results.

    Args:
        request: the repository and settings; `input`, `only`, `fetch` and `push` matter only without `plan`.
        plan: made earlier; branches that moved since are refused, never overwritten.
        permit: to move refs. Without `plan`, a permit for any plan of this request is made with `Permit(plan_id="*")`.
        following: see `Following`.
        plugins: a detector and a documenter of the caller's; they speak before anything moves, and nothing moves that they refuse.

    Raises:
        NotPermitted: without a permit for the plan.
        UserError, GitError, RemoteError, StoreError, OutOfSpace
    """
    if permit is None:
        raise NotPermitted(
            "running would move branches, which was not confirmed",
            hint="add --yes, or look first: git align plan",
        )
    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    with journal_of(opened) as journal:
        recover_dead(opened, journal, caller)
        made = plan if plan is not None else make_plan(opened, request)
        require_confirmed_push(made, permit)
        tips = read_tips(opened.repository)
        if plan is not None:
            Guard(opened.repository, opened.config.alignment).require_targets(made, tips)
        require_protected(opened, made)
        leave = replace(permit, plan_id=made.id) if permit.plan_id == "*" else permit
        if leave.plan_id != made.id:
            raise NotPermitted("the permit is for another plan", hint="confirm this plan: git align run --yes")
        if leave.push and made.snapshot.remote is None:
            raise PlanRefused(
                "the plan was made without --push, so it does not say what remotes hold",
                hint="make it again: git align plan --push --save FILE",
            )
        assignment = Assignment(
            opened=opened,
            journal=journal,
            plan=made,
            permit=leave,
            fetched=request.fetch,
            plugins=plugins,
            tips=tips,
        )
        report = carry_out(assignment, caller)
    if plugins is NO_PLUGINS:
        keep_answer(opened, request, report)
    return report


def require_confirmed_push(made: Plan, permit: Permit) -> None:
    """Refuse to run a plan about branches of a remote without a confirmed push.

    Raises:
        NotPermitted, UserError
    """
    remote = made.snapshot.branches_of
    if remote is None:
        return
    if not permit.push:
        raise NotPermitted(
            f"running would write to {remote}, which was not confirmed",
            hint="add --push to write there, or look first: git align plan --remote",
        )
    beside = next((one for one in made.steps if one.of_remote is not None and one.integration is not None), None)
    if beside is not None:
        raise UserError(
            f"{display(beside.branch.name)} would get an integration branch, and none is made on {remote}",
            hint="choose another strategy, or make the branch local first: git switch NAME",
            code="plan_of_remote_branches",
        )
