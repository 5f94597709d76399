"""Conflicts that a run would stop at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.core.plan import Plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import journal_of, make_plan, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.stream import EventStream
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
    from gitalign.engine.run.execute import require_space

    opened = open_for(request)
    made = plan if plan is not None else make_plan(opened, request, whatever_is_checked_out=True)
    require_space(opened.repository)
    with journal_of(opened) as journal:
        return find_conflicts(
            opened.repository,
            made,
            graph_of(opened.repository, made),
            branch=branch,
            furthest=furthest,
            limits=opened.config.limits(),
            memory=journal,
            emit=EventStream("conflicts", opened.now, listeners),
            stop=stop or StopSignal(),
            at=opened.now(),
        )


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

    opened = open_for(request)
    limits = opened.config.limits()
    return look_at_conflict(opened.repository, plan, conflict, limits=limits, stop=stop or StopSignal())
