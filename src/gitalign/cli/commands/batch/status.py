"""The verb `batch status`: one batch run, task by task."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb


@verb(paged=True, without=("yes",))
def status(batch_id: BatchId = "last", *, options: Options) -> int:
    """Show how a batch run stands, task by task."""
    view = facade.batch_status(options.request(), batch_id, measures_disk=options.json or bool(options.verbose))
    if options.json:
        emit_json("batch-run", facade.batch_content(view))
    else:
        rendering.show_batch_run(console(), view, everything=options.verbose)
    return 0
