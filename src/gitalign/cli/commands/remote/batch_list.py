"""The verb `remote batch-list`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.remote_batches import batch_view
from gitalign.cli.rendering.batches import show_batch_runs
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.models.batches import BatchRunsDocument


@verb(paged=True, without=(*WITHOUT, "yes"))
def batch_list(*, remote: Remote, options: Options) -> int:
    """List every batch run of the repository, newest first."""
    with remote.connected() as client:
        name = remote.name(client)
        document = carried_out(options, client, client.batch_list(name), BatchRunsDocument).document
    views = [batch_view(one) for one in document["batch_runs"]]
    said(options, document, lambda: show_batch_runs(console(), views, typed=remote.typed(name)))
    return 0
