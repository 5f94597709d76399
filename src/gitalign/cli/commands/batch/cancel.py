"""The verb `batch cancel`: ask a batch run to end the running tasks."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.batch_running import ask
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True, without=("yes",))
def cancel(batch_id: BatchId = "last", *, options: Options) -> int:
    """End the running tasks of a batch run. Their uncommitted work is kept."""
    from gitalign.batches.running.state import Request as Asked

    return ask(options, batch_id, Asked.CANCEL)
