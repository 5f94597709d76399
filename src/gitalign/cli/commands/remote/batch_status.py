"""The verb `remote batch-status`."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import batch_named, batch_said
from gitalign.cli.verb import verb


@verb(paged=True, without=(*WITHOUT, "yes"))
def batch_status(batch_id: BatchId = "last", *, remote: Remote, options: Options) -> int:
    """Show how a batch run of the service stands, task by task; also while it runs."""
    with remote.connected() as client:
        name = remote.name(client)
        document = client.batch(name, batch_named(client, name, batch_id))
    batch_said(options, document, remote.typed(name))
    return 0
