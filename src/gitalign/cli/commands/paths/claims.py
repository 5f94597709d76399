"""The verb `paths claims`."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering import paths as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb
from gitalign.documents.paths import dump_path_claims


@verb(paged=True, without=("yes",))
def claims(*, options: Options) -> int:
    """Show which paths are claimed now, by whom, and until when."""
    found = facade.path_claims(options.request())
    if options.json:
        emit_json("path-claims", dump_path_claims(found))
    elif not options.quiet:
        rendering.show_claims(console(), found)
        if not found:
            console().print("No path is claimed.")
    return 0
