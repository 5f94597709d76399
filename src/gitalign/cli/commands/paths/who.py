"""The verb `paths who`."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.rendering import paths as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches

Patterns = Annotated[tuple[str, ...], argument(help="Patterns of paths, as in a .gitignore.", metavar="PATTERN...")]


@verb(paged=True, without=("yes",))
def who(*, patterns: Patterns = (), options: Options, which: Branches) -> int:
    """Show which branches change paths that match a pattern, and who claims some of them.

    Exit code 1 when there is such a branch or claim.
    """
    request = options.request(which, or_remote=True, overrides=which.settings())
    found = facade.touching(request, patterns)
    claims = [one for one in facade.path_claims(request) if one.overlaps(patterns)]
    if options.json:
        emit_json("path-touches", facade.touches_content(patterns, found))
    elif not options.quiet:
        rendering.show_touches(console(), found, everything=options.verbose)
        rendering.show_claims(console(), claims)
    return int(bool(found or claims))
