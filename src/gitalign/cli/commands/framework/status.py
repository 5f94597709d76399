"""The verb `framework status`."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering import framework as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb


@verb(without=("yes",))
def status(*, options: Options) -> int:
    """Show what of `.cli_framework` is installed, and what was changed since.

    Exit code 1 when an installation was cut off, or a file was changed or is gone.
    """
    standing = facade.framework_status(options.request())
    if options.json:
        emit_json("framework", rendering.framework_document(standing))
    elif not options.quiet:
        rendering.show_standing(console(), standing)
    return int(bool(standing.interrupted is not None or standing.changed or standing.missing))
