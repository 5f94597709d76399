"""What the command without a verb does: say where things stand, and what to type next."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.status import show_status


def status(options: Options) -> int:
    """Show where things stand; the exit code."""
    result = facade.status(options.request())
    if options.json:
        from gitalign.documents.overviews import dump_status

        emit_json("status", dump_status(result))
    else:
        show_status(console(), result)
    return 2 if result.fault else 0
