"""The verb `resolve`: a conflict, resolved by a person in a disposable work tree, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli.options import Options, Strategies
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.manual_resolution import show_sessions
from gitalign.cli.resolving import from_here
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Targets, target_settings
from gitalign.documents import listings
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.core.manual_resolution import Look

Branch = Annotated[str | None, argument(help="The branch; all that are under way without it.")]


@dataclass(frozen=True, kw_only=True)
class Resolving:
    """Options of this verb alone."""

    go_on: Annotated[bool, option("--continue", help="Everything is resolved: go on.")] = False
    skip: Annotated[bool, option("--skip", help="Leave out the commit that stopped.")] = False
    abort: Annotated[bool, option("--abort", help="Give up; the branch stays as it was.")] = False
    folder: Annotated[
        Path | None,
        option("--dir", help="Where to make the work tree.", metavar="DIR", shown_default="in the git directory"),
    ] = None
    target: Targets = ()


@verb(acts=True)
def resolve(*, branch: Branch = None, own: Resolving, how: Strategies, options: Options) -> int:
    """Resolve a conflict in a work tree of its own.

    Days may pass. The branch moves when the result is proved and checked.
    """
    if sum((own.go_on, own.skip, own.abort)) > 1:
        raise UserError("--continue, --skip and --abort exclude one another", hint="give one of them")
    request = options.request(overrides={**target_settings(own.target), **how.settings()})
    if branch is None:
        return _list(options, facade.resolutions_under_way(request))
    if own.abort:
        session = facade.resolve_abort(request, branch)
        if options.json:
            emit_json("closed-resolution", {"stand": "closed"})
        else:
            console().print(f"given up; {branch} is where it was ({session.seen[:12]})")
        return 0
    if own.go_on:
        look = facade.resolve_continue(request, branch)
    elif own.skip:
        look = facade.resolve_skip(request, branch)
    else:
        look = facade.resolve(request, branch, folder=own.folder)
    return from_here(options, request, look)


def _list(options: Options, looks: tuple[Look, ...]) -> int:
    if options.json:
        emit_json("resolutions-under-way", listings.dump_resolutions_under_way(looks))
        return 0
    show_sessions(console(), looks)
    return 0
