"""The verb `paths claim`."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.commands.paths.who import Patterns
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering import paths as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb
from gitalign.core.path_claim import MOST_MINUTES
from gitalign.documents.paths import dump_path_claims

Holder = Annotated[str, option("--as", help="Who claims: a person, an agent, a branch.", metavar="NAME")]
Minutes = Annotated[
    int, option("--minutes", help="Until the claim ends by itself.", metavar="NUMBER", bounds=(1, MOST_MINUTES))
]
Note = Annotated[str, option("--note", help="What for.", metavar="TEXT")]


@verb(acts=True, without=("yes",))
def claim(
    *, patterns: Patterns = (), holder: Holder = "", minutes: Minutes = 120, note: Note = "", options: Options
) -> int:
    """Claim paths for a while, so that others start somewhere else. It forbids nothing.

    Exit code 1 when others claim some of these paths; then nothing is claimed.
    """
    answer = facade.claim_paths(options.request(), holder=holder, patterns=patterns, minutes=minutes, note=note)
    if options.json:
        emit_json("path-claims", dump_path_claims(answer.held or [answer.claim], refused=bool(answer.held)))
    elif not options.quiet:
        if answer.held:
            console().print("Not claimed. Others work there:")
        rendering.show_claims(console(), answer.held or [answer.claim])
    return int(bool(answer.held))
