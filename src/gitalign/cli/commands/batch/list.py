"""The verb `batch list`: every batch run."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb


@verb(paged=True, without=("yes",))
def list(*, options: Options) -> int:
    """List every batch run, newest first."""
    views = facade.batch_list(options.request())
    if options.json:
        emit_json("batch-runs", {"batch_runs": [facade.batch_content(view) for view in views]})
    else:
        rendering.show_batch_runs(console(), views)
    return 0
