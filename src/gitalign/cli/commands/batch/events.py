"""The verb `batch events`: what happened in a batch run."""

from __future__ import annotations

import time
from typing import Annotated

from gitalign import facade
from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb
from gitalign.errors import UserError

_FOLLOW_EVERY_S = 0.3

Follow = Annotated[bool, option("--follow", "-f", help="Go on until the batch run ends or stops.")]


@verb(without=("yes",))
def events(batch_id: BatchId = "last", *, follow: Follow = False, options: Options) -> int:
    """Show what happened in a batch run, oldest first."""
    from gitalign.documents.events import dump_event

    if options.json and follow:
        raise UserError("--follow cannot be combined with --json", hint="leave out one of them")
    request = options.request()
    history = facade.batch_events(request, batch_id)
    if options.json:
        emit_json("batch-events", {"batch_run": history.batch_run, "events": [*map(dump_event, history.events)]})
        return 0
    out, seen = console(), 0
    while True:
        rendering.show_batch_events(out, history.events)
        seen = history.events[-1].seq if history.events else seen
        if not follow or not history.is_alive:
            return 0
        time.sleep(_FOLLOW_EVERY_S)
        history = facade.batch_events(request, history.batch_run, after=seen)
