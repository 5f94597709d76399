"""The verb `conflicts`: which branches stop at the same clash, and all about one of them."""

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
from gitalign.cli.working_set import All, Author, Exclude, OlderThan, Remote, Since, Targets, chosen, planned


def conflicts(
    branch: Annotated[str | None, typer.Argument(help="Show this branch in full.", metavar="BRANCH")] = None,
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
    strategy: Strategy = None,
    merges: Merges = None,
    furthest: Annotated[
        bool, typer.Option(help="Also show which commit of the target stops each branch first, or not.")
    ] = True,
    browse: Annotated[
        bool, typer.Option("--browse", help="Open a screen for browsing (needs the extra `screen`).")
    ] = False,
    fetch: Fetch = False,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Group conflicting branches by what they clash with. Moves nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import advice
        from gitalign.cli.console import console, emit_json
        from gitalign.cli.progress import watching
        from gitalign.cli.render_conflicts import show_conflict, show_groups
        from gitalign.documents import wire
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        overrides = overrides_of(targets=target, strategy=strategy, merges=merges)
        request = options.request(
            input=input,
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=True,
            fetch=fetch,
            overrides=overrides,
        )
        if browse:
            from gitalign.cli.browse import browse as on_a_screen

            flags = _flags(repo=repo, config=config, targets=target, strategy=strategy, merges=merges)
            return on_a_screen(options, request, branch=branch, furthest=furthest, flags=flags)
        made = planned(options, request, whatever_is_checked_out=True)
        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            found = facade.conflicts(
                request, plan=made, branch=branch, furthest=furthest, listeners=listeners, stop=stop
            )
        if options.json:
            emit_json(wire.dump(found))
        elif branch is not None:
            show_conflict(console(), found, branch)
        elif not options.quiet:
            show_groups(console(), found, everything=verbose)
        if not options.json and (branch is not None or not options.quiet):
            advice.show(console(), advice.after_conflicts(found, made, advice.Typed.of(request), branch=branch))
        if branch is not None and found.is_complete:
            return int(found.detail is not None)
        return found.exit_code()

    leave(carried_out(options, work))


def _flags(
    *, repo: Path, config: Path | None, targets: list[str] | None, strategy: str | None, merges: str | None
) -> list[str]:
    """What `resolve` must be given to meet the same conflicts."""
    given = {
        "--repo": str(repo) if repo != Path() else None,
        "--config": str(config) if config is not None else None,
        "--strategy": strategy,
        "--merges": merges,
    }
    named = [word for name in targets or () for word in ("--target", name)]
    return [*(word for name, value in given.items() if value is not None for word in (name, value)), *named]
