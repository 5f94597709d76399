"""The forecast of a run, alone or with what pages and summaries say beside it. Nothing here moves a branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Unpack, assert_never

from gitalign.core.forecast import Forecast
from gitalign.core.outlook import Outlook
from gitalign.core.plan import Plan
from gitalign.engine.alignment.auto_resolvers import AutoResolution, resolving
from gitalign.engine.run.contexts import analysis_context
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import OpenRepository, Request, configured_plugins, journal_of, open_for
from gitalign.engine.runtime.signals import StopSignal
from gitalign.facade.following import Following, caller_of
from gitalign.facade.reporting import name_of, published_of
from gitalign.ports import Journal


class ForecastFormat(StrEnum):
    """Forms in which a forecast is written up."""

    HTML = "html"
    MARKDOWN = "md"
    SARIF = "sarif"


def forecast(
    request: Request,
    *,
    plan: Plan | None = None,
    against: Sequence[str] = (),
    pairs: bool = False,
    furthest: bool = False,
    **following: Unpack[Following],
) -> Forecast:
    """What a run would come to, without moving anything: the same integration, stopped before it publishes.

    Args:
        request: as for `plan`.
        plan: made earlier; its commits are tried, wherever the branches stand by now.
        against: targets to try every branch on; empty for the target each branch belongs to.
        pairs: find out, too, which branches clash with one another once aligned.
        furthest: find out, too, how far conflicting branches align.
        following: see `Following`.

    Raises:
        UserError, GitError, RemoteError, StoreError, OutOfSpace
    """
    found = outlook(
        request,
        plan=plan,
        against=against,
        pairs=pairs,
        furthest=furthest,
        stops=False,
        **following,
    )
    return found.forecast


def outlook(
    request: Request,
    *,
    plan: Plan | None = None,
    against: Sequence[str] = (),
    pairs: bool = False,
    furthest: bool = False,
    stops: bool = True,
    **following: Unpack[Following],
) -> Outlook:
    """The forecast with what pages and summaries say beside it: clashes that branches share, merged branches, links.

    Other arguments and errors as for `forecast`.

    Args:
        stops: find out, too, which branches stop at the same clash, and where in the files.
    """
    from gitalign.engine.analysis.forecast import ForecastRequest
    from gitalign.engine.analysis.forecast import forecast as foresee_all
    from gitalign.engine.runtime.space import require_space

    caller = caller_of(following)
    opened = open_for(request, caller.stop)
    made = plan if plan is not None else make_plan(opened, request)
    require_space(opened.repository)
    with (
        journal_of(opened) as journal,
        resolving(
            auto_resolution(opened, journal, caller.stop), made.policy, configured_plugins(opened.config)
        ) as plugins,
    ):
        context = analysis_context(opened, journal, caller, name="forecast", plugins=plugins)
        asked = ForecastRequest(against=against, pairs=pairs, furthest=furthest, stops=stops)
        found = foresee_all(context, made, graph_of(opened.repository, made, opened.history), asked)
    return replace(found, published=published_of(opened))


def write_up_outlook(request: Request, found: Outlook, *, form: ForecastFormat) -> str:
    """A forecast written up.

    Args:
        request: which repository.
        found: the forecast; pages and summaries want `stops`, and a page the pairs.
        form: of the text.
    """
    opened = open_for(request)
    name, at = name_of(opened), opened.now()
    match form:
        case ForecastFormat.HTML:
            from gitalign.views.forecast import forecast_page

            return forecast_page(found, name=name, as_of=at)
        case ForecastFormat.MARKDOWN:
            from gitalign.views.forecast_markdown import forecast_markdown

            return forecast_markdown(found, name=name, as_of=at)
        case ForecastFormat.SARIF:
            from gitalign.views.sarif import forecast_sarif

            return forecast_sarif(found.forecast)
        case _ as never:
            assert_never(never)


def auto_resolution(opened: OpenRepository, journal: Journal, stop: StopSignal) -> AutoResolution:
    """What settles conflicts while only looking."""
    return AutoResolution(
        repository=opened.repository,
        config=opened.config,
        cache=journal,
        stop=stop,
        surroundings=opened.surroundings,
        only_looks=True,
    )
