"""The verb `remote batch-pause`."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import asked_of_batch, batch_named
from gitalign.cli.verb import verb


@verb(acts=True, without=(*WITHOUT, "yes"))
def batch_pause(batch_id: BatchId = "last", *, remote: Remote, options: Options) -> int:
    """Start no further task of a batch run; `batch-resume` goes on."""
    with remote.connected() as client:
        name = remote.name(client)
        batch = batch_named(client, name, batch_id)
        job = client.batch_pause(name, batch)
    return asked_of_batch(options, job, batch, "pause")
