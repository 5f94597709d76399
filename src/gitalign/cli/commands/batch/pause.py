"""The verb `batch pause`: ask a batch run to start no further task."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.batch_running import ask
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True, without=("yes",))
def pause(batch_id: BatchId = "last", *, options: Options) -> int:
    """Start no further task of a batch run; `resume` goes on."""
    from gitalign.batches.running.state import Request as Asked

    return ask(options, batch_id, Asked.PAUSE)
