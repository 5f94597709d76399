"""The verb `batch stop`: ask a batch run to end when the running tasks have ended."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.batch_running import ask
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True, without=("yes",))
def stop(batch_id: BatchId = "last", *, options: Options) -> int:
    """End a batch run when its running tasks have ended."""
    from gitalign.batches.running.state import Request as Asked

    return ask(options, batch_id, Asked.STOP)
