"""The verb `runs`: every run, newest first."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.runs import show_runs
from gitalign.cli.verb import verb
from gitalign.documents import listings


@verb(paged=True)
def runs(options: Options) -> int:
    """List every run, newest first."""
    records = facade.runs(options.request())
    if options.json:
        emit_json("runs", listings.dump_runs(records))
    else:
        show_runs(console(), records, everything=options.verbose)
    return 0
