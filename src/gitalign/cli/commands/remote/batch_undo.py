"""The verb `remote batch-undo`."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.remote_batches import batch_named
from gitalign.cli.rendering.batch_landings import show_landings
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.models.batches import BatchLandingsDocument

Push = Annotated[bool, option("--push", help="Also put back on the remote what was pushed.")]


@verb(acts=True, without=WITHOUT)
def batch_undo(batch_id: NamedBatch, *, push: Push = False, remote: Remote, options: Options) -> int:
    """Put the target back to before a batch run, after a question: every landing of it, the newest first.

    A target that has moved on since stays where it is. Each undo can be undone.
    """
    with remote.connected() as client:
        name = remote.name(client)
        typed = remote.typed(name)
        batch = batch_named(client, name, batch_id)
        look = f"or look at them first: {typed.of_group('batch', 'status', batch)}"
        if not asked(options, f"Undo every landing of batch run {batch}?", would="move the target back", look=look):
            return 1
        ended = carried_out(options, client, client.batch_undo(name, batch, push=push), BatchLandingsDocument)
    found = facade.landings_from(ended.document)
    said(options, ended.document, lambda: show_landings(console(), found, typed=typed))
    return ended.exit_code
