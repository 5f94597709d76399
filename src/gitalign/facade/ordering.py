"""What can land together, and what first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.core.plan import Plan
from gitalign.engine.alignment.auto_resolvers import resolving
from gitalign.engine.run.contexts import Caller, analysis_context
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import configured_plugins, journal_of, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.facade.forecasting import auto_resolution
from gitalign.ports import Listener

if TYPE_CHECKING:
    from gitalign.landing.execution_plan import ExecutionPlan


def order(
    request: Request,
    *,
    plan: Plan | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> ExecutionPlan:
    """In which order, and which together, branches should land so that the fewest stop for a person. Moves nothing.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        listeners: followers of the event stream.
        stop: the stop button.

    Raises:
        UserError: also when dependencies go round in a circle.
        GitError, RemoteError, StoreError, OutOfSpace
    """
    from gitalign.engine.runtime.space import require_space
    from gitalign.landing.order import order as put_in_order

    opened = open_for(request, stop)
    made = plan if plan is not None else make_plan(opened, request)
    require_space(opened.repository)
    button = stop or StopSignal()
    with (
        journal_of(opened) as journal,
        resolving(auto_resolution(opened, journal, button), made.policy, configured_plugins(opened.config)) as plugins,
    ):
        caller = Caller(listeners=listeners, stop=button)
        context = analysis_context(opened, journal, caller, name="order", plugins=plugins)
        graph = graph_of(opened.repository, made, opened.history)
        return put_in_order(context, made, graph, dependencies=opened.config.landing.dependencies)
