"""Verbs that look ahead and move nothing: categorize, forecast, order."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Fetch,
    Furthest,
    Input,
    Json,
    Merges,
    Only,
    Quiet,
    Repo,
    Resolutions,
    ResolveWith,
    Strategy,
    Verbose,
    Yes,
    as_text,
    carried_out,
    leave,
    overrides_of,
)
from gitalign.cli.working_set import All, Author, Exclude, OlderThan, Remote, Since, Targets, chosen, planned


class Shape(StrEnum):
    """Shapes of the file that `categorize` writes."""

    SIMPLE = "simple"
    DETAILED = "detailed"
    CLUSTERED = "clustered"
    ALL = "all"


def categorize(
    repo: Repo = Path(),
    config: ConfigFile = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write the branch list: categorized_branches.json, which run reads.", metavar="FILE"
        ),
    ] = None,
    shape: Annotated[
        Shape,
        typer.Option(
            "--format",
            help="What to write: simple (a branch list), detailed, clustered, or all, side by side with the checklist.",
            show_default=True,
        ),
    ] = Shape.SIMPLE,
    checklist: Annotated[
        Path | None, typer.Option("--checklist", help="Write ALIGNMENT_CHECKLIST.md.", metavar="FILE")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", help="Count ages to this day (UTC).", formats=["%Y-%m-%d"], show_default="now"),
    ] = None,
    clusters: Annotated[bool, typer.Option(help="Group similar branches, or not.")] = True,
    fetch: Fetch = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show where each branch belongs, and why. Moves nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.categorize import documents
        from gitalign.cli import render_before, tables
        from gitalign.cli.console import console, emit_json, require_writable, write_whole
        from gitalign.errors import UserError

        if shape is not Shape.SIMPLE and output is None and not options.json:
            raise UserError(f"--format {shape} says what to write, but not where", hint="add -o FILE")
        places: dict[Path, Shape | None] = {}
        if output is not None and shape is Shape.ALL:
            stem = output.with_suffix("")
            places = {
                output: Shape.SIMPLE,
                stem.with_name(f"{stem.name}_detailed.json"): Shape.DETAILED,
                output.with_name("clustered_branches.json"): Shape.CLUSTERED,
            }
            places[checklist or output.with_name("ALIGNMENT_CHECKLIST.md")] = None
        elif output is not None:
            places[output] = shape
        if checklist is not None:
            places[checklist] = None
        for place in places:
            require_writable(place)
        request = options.request(
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=True,
            fetch=fetch,
            overrides=overrides_of(targets=target),
        )
        day = as_of.replace(tzinfo=UTC) if as_of is not None else None
        found = facade.categorize(
            request,
            plan=planned(options, request, whatever_is_checked_out=True),
            as_of=day,
            clusters=clusters,
        )
        made = {
            Shape.SIMPLE: documents.simple_document,
            Shape.DETAILED: documents.detailed_document,
            Shape.CLUSTERED: documents.clustered_document,
        }
        for place, one in places.items():
            write_whole(place, documents.checklist(found) if one is None else as_text(made[one](found)))
        if options.json:
            emit_json(made.get(shape, documents.detailed_document)(found))
        elif not options.quiet:
            render_before.show_categories(console(), found, everything=verbose)
            for place in places:
                console().print(f"written: {tables.safe(str(place))}")
        return found.exit_code()

    leave(carried_out(options, work))


def forecast(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    all_targets: Annotated[bool, typer.Option("--all-targets", help="Try every branch on every target.")] = False,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Also show which branches clash with one another once aligned.")
    ] = False,
    furthest: Furthest = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", help="Write a page with the clash map and a page per branch; implies --pairs.", metavar="FILE"
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", help="Write a summary that fits into a comment of a pull request.", metavar="FILE"),
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", help="Write the conflicts as SARIF, for code scanning.", metavar="FILE")
    ] = None,
    strategy: Strategy = None,
    merges: Merges = None,
    resolutions: Resolutions = None,
    resolve_with: ResolveWith = None,
    fetch: Fetch = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show which branches will align, and where others stop. Moves nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import advice, render_before, tables
        from gitalign.cli.console import console, emit_json, require_writable, write_whole
        from gitalign.cli.progress import watching
        from gitalign.documents import wire
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        forms = facade.ForecastFormat
        asked = {forms.HTML: html, forms.MARKDOWN: markdown, forms.SARIF: sarif}
        places = {form: place for form, place in asked.items() if place is not None}
        for place in places.values():
            require_writable(place)
        overrides = overrides_of(
            targets=target, strategy=strategy, merges=merges, resolutions=resolutions, resolve_with=resolve_with
        )
        request = options.request(
            input=input,
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=True,
            fetch=fetch,
            overrides=overrides,
        )
        made = planned(options, request)
        against = tuple(one.name for one in made.targets) if all_targets else ()
        stop = StopSignal()
        with handling_signals(stop), watching(options, None if against else made) as listeners:
            outlook = facade.outlook(
                request,
                plan=made,
                against=against,
                pairs=pairs or html is not None,
                furthest=furthest,
                stops=html is not None or markdown is not None,
                listeners=listeners,
                stop=stop,
            )
        found = outlook.forecast
        for form, place in places.items():
            write_whole(place, facade.write_up_outlook(request, outlook, form=form))
        if options.json:
            emit_json(wire.dump(found))
        elif not options.quiet:
            render_before.show_forecast(console(), found, everything=verbose)
            if not against:
                advice.show(console(), advice.after_forecast(found, made, advice.Typed.of(request)))
            for place in places.values():
                console().print(f"written: {tables.safe(str(place))}")
        return found.exit_code()

    leave(carried_out(options, work))


class Drawing(StrEnum):
    """Forms in which `order` shows an execution plan."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"


def order(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the execution plan.", metavar="FILE")
    ] = None,
    drawing: Annotated[
        Drawing | None, typer.Option("--format", help="Form of it: json (for a file), text or mermaid.")
    ] = None,
    strategy: Strategy = None,
    merges: Merges = None,
    resolutions: Resolutions = None,
    resolve_with: ResolveWith = None,
    fetch: Fetch = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Choose what can land together, and what first. Moves nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_before, tables
        from gitalign.cli.console import console, emit_json, require_writable, write_whole
        from gitalign.cli.progress import watching
        from gitalign.engine.runtime.signals import StopSignal, handling_signals
        from gitalign.landing import drawing as draw

        if output is not None:
            require_writable(output)
        overrides = overrides_of(
            targets=target, strategy=strategy, merges=merges, resolutions=resolutions, resolve_with=resolve_with
        )
        request = options.request(
            input=input,
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=True,
            fetch=fetch,
            overrides=overrides,
        )
        made = planned(options, request, beside_output=drawing is not None and output is None)
        stop = StopSignal()
        with handling_signals(stop), watching(options, made) as listeners:
            found = facade.order(request, plan=made, listeners=listeners, stop=stop)
        forms = {
            Drawing.TEXT: lambda: draw.as_text(found) + "\n",
            Drawing.JSON: lambda: as_text(found.to_dict()),
            Drawing.MERMAID: lambda: draw.as_mermaid(found),
        }
        if output is not None:
            write_whole(output, forms[drawing or Drawing.JSON]())
        if options.json:
            emit_json(found.to_dict())
        elif drawing is not None and output is None:
            console().print(forms[drawing](), markup=False, soft_wrap=True, end="")
        elif not options.quiet:
            render_before.show_order(console(), found, everything=verbose)
            if output is not None:
                console().print(f"written: {tables.safe(str(output))}")
        return found.exit_code()

    leave(carried_out(options, work))
