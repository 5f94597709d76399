"""The verb `remote batch-stop`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import asked_of_batch, batch_named
from gitalign.cli.verb import verb

Cancel = Annotated[bool, option("--cancel", help="Also end the tasks that run; their work is pinned.")]


@verb(acts=True, without=(*WITHOUT, "yes"))
def batch_stop(batch_id: BatchId = "last", *, cancel: Cancel = False, remote: Remote, options: Options) -> int:
    """Start no further task of a batch run, and end it when its tasks have ended."""
    with remote.connected() as client:
        name = remote.name(client)
        batch = batch_named(client, name, batch_id)
        job = (client.batch_cancel if cancel else client.batch_stop)(name, batch)
    return asked_of_batch(options, job, batch, "cancel" if cancel else "stop")
