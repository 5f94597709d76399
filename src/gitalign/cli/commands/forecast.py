"""The verb `forecast`: which branches will align, and where others stop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.options import Alignment, Fetch, Furthest, Input, Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.forecast import show_forecast
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned
from gitalign.documents.forecasts import dump_forecast


@dataclass(frozen=True, kw_only=True)
class Forecasting:
    """Options of this verb alone."""

    all_targets: Annotated[bool, option("--all-targets", help="Try every branch on every target.")] = False
    pairs: Annotated[
        bool, option("--pairs", help="Also show which branches conflict with one another once aligned.")
    ] = False
    furthest: Furthest = False
    html: Annotated[
        Path | None,
        option(
            "--html", help="Write a page with the clash map and a page per branch; implies --pairs.", metavar="FILE"
        ),
    ] = None
    markdown: Annotated[
        Path | None,
        option("--markdown", help="Write a summary that fits into a comment of a pull request.", metavar="FILE"),
    ] = None
    sarif: Annotated[
        Path | None, option("--sarif", help="Write the conflicts as SARIF, for code scanning.", metavar="FILE")
    ] = None


@verb(paged=True)
def forecast(
    *, options: Options, input: Input = None, which: Branches, own: Forecasting, how: Alignment, fetch: Fetch = False
) -> int:
    """Show which branches will align, and where others stop. Moves nothing."""
    forms = facade.ForecastFormat
    typed = {forms.HTML: own.html, forms.MARKDOWN: own.markdown, forms.SARIF: own.sarif}
    places = {form: place for form, place in typed.items() if place is not None}
    for place in places.values():
        require_writable(place)
    overrides = {**which.settings(), **how.settings()}
    request = options.request(which, input=input, or_remote=True, fetch=fetch, overrides=overrides)
    plan = planned(options, request)
    against = tuple(target.name for target in plan.targets) if own.all_targets else ()
    with followed(options, None if against else plan) as (listeners, stop):
        outlook = facade.outlook(
            request,
            plan=plan,
            against=against,
            pairs=own.pairs or own.html is not None,
            furthest=own.furthest,
            stops=own.html is not None or own.markdown is not None,
            listeners=listeners,
            stop=stop,
        )
    result = outlook.forecast
    for form, place in places.items():
        write_whole(place, facade.write_up_outlook(request, outlook, form=form))
    if options.json:
        emit_json("forecast", dump_forecast(result))
    elif not options.quiet:
        show_forecast(console(), result, everything=options.verbose, typed=advice.Typed.of(request))
        if not against:
            advice.show(console(), advice.after_forecast(result, plan.snapshot, advice.Typed.of(request)))
        for place in places.values():
            console().print(f"written: {safe(str(place))}")
    return result.exit_code()
