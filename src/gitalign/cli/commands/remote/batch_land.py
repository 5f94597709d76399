"""The verb `remote batch-land`."""

from __future__ import annotations

from gitalign.cli.batch_options import Landing, NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import batch_followed, batch_named
from gitalign.cli.verb import verb


@verb(acts=True, without=(*WITHOUT, "yes"))
def batch_land(batch_id: NamedBatch, landing: Landing, remote: Remote, options: Options) -> int:
    """Land a batch whose landing was left for later, did not succeed, or was undone. No task runs."""
    with remote.connected() as client:
        name = remote.name(client)
        job = client.batch_land(
            name,
            batch_named(client, name, batch_id),
            best_subset=landing.best_subset,
            push=landing.push,
            push_hooks=landing.push_hooks,
        )
        return batch_followed(options, client, remote, job)
