"""The verb `batch report`: a batch run as a page in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from gitalign import facade
from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import as_text, console, require_writable, write_whole
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb

Output = Annotated[
    Path | None, option("--output", "-o", help="Where to write it instead of printing it.", metavar="FILE")
]


@verb(without=("yes",))
def report(batch_id: BatchId = "last", *, output: Output = None, options: Options) -> int:
    """Write a batch run as a page in one file: batches, tasks, conflicts, events. Changes nothing."""
    from gitalign.documents.events import dump_event
    from gitalign.documents.formats import stamped
    from gitalign.views.batch import batch_page

    if output is not None:
        require_writable(output)
    request = options.request()
    view = facade.batch_status(request, batch_id, measures_disk=True)
    history = facade.batch_events(request, view.run.id)
    content = facade.batch_content(view)
    if options.json:
        events = [*map(dump_event, history.events)]
        text = as_text(stamped("batch-report", {"batch_run": content, "events": events}))
    else:
        name = Path(request.repo).resolve().name
        text = batch_page(content, history.events, name=name, status=view.status)
    if output is None:
        click.echo(text, nl=not options.json)
        return 0
    write_whole(output, text)
    if not options.quiet:
        console(stderr=True).print(safe(f"wrote {output}"))
    return 0
