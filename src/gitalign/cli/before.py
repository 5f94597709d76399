"""Verbs that look ahead and move nothing: forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Fetch,
    Input,
    Json,
    Merges,
    Only,
    Quiet,
    Repo,
    Strategy,
    Verbose,
    Yes,
    carried_out,
    leave,
    overrides_of,
)


def forecast(
    repo: Repo = Path(),
    config: ConfigFile = None,
    input: Input = None,
    only: Only = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            help="Try every branch on this target instead of its own; may be given several times.",
            metavar="NAME",
        ),
    ] = None,
    all_targets: Annotated[bool, typer.Option("--all-targets", help="Try every branch on every target.")] = False,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Find out, too, which branches clash with one another once aligned.")
    ] = False,
    strategy: Strategy = None,
    merges: Merges = None,
    fetch: Fetch = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Foresee which branches will align and where the others stop. Moves nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade, wire
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.cli.progress import watching
        from gitalign.engine.signals import StopSignal, handling_signals

        overrides = overrides_of(strategy=strategy, merges=merges)
        request = options.request(input=input, only=tuple(only or ()), fetch=fetch, overrides=overrides)
        made = facade.plan(request)
        against = tuple(one.name for one in made.targets) if all_targets else tuple(target or ())
        stop = StopSignal()
        with handling_signals(stop), watching(options, None if against else made) as listeners:
            found = facade.forecast(request, plan=made, against=against, pairs=pairs, listeners=listeners, stop=stop)
        if options.json:
            emit_json(wire.dump(found))
        elif not options.quiet:
            render.show_forecast(console(), found, everything=verbose)
        return found.exit_code()

    leave(carried_out(options, work))
