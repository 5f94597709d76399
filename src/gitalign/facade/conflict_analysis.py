"""Conflicts that a run would stop at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.core.plan import Plan
from gitalign.engine.run.contexts import Caller, analysis_context
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import journal_of, open_for
from gitalign.engine.runtime.no_cache import NoCache
from gitalign.engine.runtime.signals import StopSignal
from gitalign.ports import Listener

if TYPE_CHECKING:
    pass


def conflicts(
    request: Request,
    *,
    plan: Plan | None = None,
    branch: str | None = None,
    furthest: bool = True,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Conflicts:
    """The conflicts a run would meet, grouped by clash; taken from memory where earlier runs and forecasts found them. Moves nothing.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        branch: tell all about this one.
        furthest: find out, too, which commit of its target stops each first; where one branch is asked for, of that one alone.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError: also when there is no such branch.
        GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.analysis.conflicts import find_conflicts
    from gitalign.engine.runtime.space import require_space

    opened = open_for(request, stop)
    made = plan if plan is not None else make_plan(opened, request, whatever_is_checked_out=True)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        caller = Caller(listeners=listeners, stop=stop or StopSignal())
        context = analysis_context(opened, journal, caller, name="conflicts")
        graph = graph_of(opened.repository, made, opened.history)
        return find_conflicts(context, made, graph, branch=branch, furthest=furthest)


def conflict_detail(
    request: Request, *, plan: Plan, conflict: BranchConflict, stop: StopSignal | None = None
) -> ConflictDetail:
    """All about one of the conflicts that `conflicts` found, without looking for the others again. Moves nothing.

    Args:
        request: as for `conflicts`.
        plan: what they were found for.
        conflict: which.
        stop: the stop button.

    Raises:
        UserError: the plan has no such branch.
        GitError, OutOfSpace
    """
    from gitalign.engine.analysis.conflicts import look_at_conflict

    opened = open_for(request, stop)
    context = analysis_context(opened, NoCache(), Caller(stop=stop or StopSignal()), name="conflicts")
    return look_at_conflict(context, plan, conflict)
