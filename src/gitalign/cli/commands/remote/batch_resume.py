"""The verb `remote batch-resume`."""

from __future__ import annotations

from gitalign.cli.batch_options import Land, NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import batch_followed, batch_named
from gitalign.cli.verb import verb


@verb(acts=True, without=(*WITHOUT, "yes"))
def batch_resume(batch_id: NamedBatch, *, land: Land = True, remote: Remote, options: Options) -> int:
    """Go on with a batch run that was paused, stopped, cancelled or killed, and follow it.

    Its commands were confirmed when it began; its tasks are confined as they were then.
    """
    with remote.connected() as client:
        name = remote.name(client)
        job = client.batch_resume(name, batch_named(client, name, batch_id), lands=land)
        return batch_followed(options, client, remote, job)
