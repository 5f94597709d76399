"""The verb `conflicts`: which branches stop at the same conflict, and all about one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.options import Fetch, Input, Options, Strategies
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.conflicts import show_conflict, show_groups
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.progress import followed
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned
from gitalign.documents.conflict_groups import dump_conflicts

Branch = Annotated[str | None, argument(help="Show this branch in full.", metavar="[BRANCH]")]


@dataclass(frozen=True, kw_only=True)
class Looking:
    """Options of this verb alone."""

    furthest: Annotated[
        bool,
        option(
            "--furthest/--no-furthest", help="Also show which commit of the target stops each branch first, or not."
        ),
    ] = True
    browse: Annotated[bool, option("--browse", help="Open a screen for browsing (needs the extra `screen`).")] = False
    fetch: Fetch = False


@verb(paged=True)
def conflicts(
    *, branch: Branch = None, options: Options, input: Input = None, which: Branches, how: Strategies, own: Looking
) -> int:
    """Group branches by the conflict at which they stop. Moves nothing."""
    overrides = {**which.settings(), **how.settings()}
    request = options.request(which, input=input, or_remote=True, fetch=own.fetch, overrides=overrides)
    if own.browse:
        from gitalign.cli.browse import browse

        flags = _flags(options, which, how)
        return browse(options, request, branch=branch, furthest=own.furthest, flags=flags)
    plan = planned(options, request, whatever_is_checked_out=True)
    with followed(options) as (listeners, stop):
        result = facade.conflicts(
            request, plan=plan, branch=branch, furthest=own.furthest, listeners=listeners, stop=stop
        )
    if options.json:
        emit_json("conflicts", dump_conflicts(result))
    elif branch is not None:
        show_conflict(console(), result, branch)
    elif not options.quiet:
        show_groups(console(), result, everything=options.verbose)
    if not options.json and (branch is not None or not options.quiet):
        advice.show(console(), advice.after_conflicts(result, plan.snapshot, advice.Typed.of(request), branch=branch))
    if branch is not None and result.is_complete:
        return int(result.detail is not None)
    return result.exit_code()


def _flags(options: Options, which: Branches, how: Strategies) -> list[str]:
    """What `resolve` needs to find the same conflicts."""
    given = {
        "--repo": str(options.repo) if options.repo != Path() else None,
        "--config": str(options.config) if options.config is not None else None,
        "--strategy": how.strategy,
        "--merges": how.merges,
    }
    targets = [word for name in which.target or () for word in ("--target", name)]
    return [*(word for name, value in given.items() if value is not None for word in (name, value)), *targets]
