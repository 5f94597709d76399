"""The verb `remote batch-events`."""

from __future__ import annotations

from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote, said
from gitalign.cli.remote_batches import batch_named
from gitalign.cli.rendering.batches import show_batch_events
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.events import load_event
from gitalign.documents.formats import stamped
from gitalign.documents.models.events import EventDocument

_PAGE = 200


@verb(without=(*WITHOUT, "yes"))
def batch_events(batch_id: BatchId = "last", *, remote: Remote, options: Options) -> int:
    """Show what happened in a batch run, oldest first."""
    events: list[EventDocument] = []
    cursor: str | None = None
    with remote.connected() as client:
        name = remote.name(client)
        batch = batch_named(client, name, batch_id)
        while True:
            page = client.batch_events(name, batch, cursor=cursor, limit=_PAGE)
            events += page["events"]
            cursor = page.get("next")
            if cursor is None:
                break
    document = stamped("batch-events", {"batch_run": batch, "events": events})
    said(options, document, lambda: show_batch_events(console(), [load_event(one) for one in events]))
    return 0
