"""The verb `remote batch-report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from gitalign.cli.batch_options import BatchId
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out
from gitalign.cli.remote_batches import batch_named
from gitalign.cli.rendering.console import console, require_writable, write_whole
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb

Output = Annotated[
    Path | None, option("--output", "-o", help="Where to write it instead of printing it.", metavar="FILE")
]


@verb(without=(*WITHOUT, "yes", "json"))
def batch_report(batch_id: BatchId = "last", *, output: Output = None, remote: Remote, options: Options) -> int:
    """Write a batch run as a page in one file: batches, tasks, conflicts, events. Changes nothing."""
    if output is not None:
        require_writable(output)
    with remote.connected() as client:
        name = remote.name(client)
        text = carried_out(
            options, client, client.batch_report(name, batch_named(client, name, batch_id)), str
        ).document
    if output is None:
        click.echo(text)
        return 0
    write_whole(output, text)
    if not options.quiet:
        console(stderr=True).print(safe(f"wrote {output}"))
    return 0
