"""The verb `remote batch-logs`."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import click

from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import batch_named
from gitalign.cli.verb import verb

_FOLLOW_EVERY_S = 1.0
Follow = Annotated[bool, option("--follow", "-f", help="Go on until the batch run ends.")]
TaskName = Annotated[str, argument(help="Task id.", metavar="TASK")]


@verb(without=(*WITHOUT, "yes", "json"))
def batch_logs(
    batch_id: NamedBatch, task: TaskName, *, follow: Follow = False, remote: Remote, options: Options
) -> int:
    """Show what a task of the service has written so far."""
    offset = 0
    with remote.connected() as client:
        name = remote.name(client)
        batch = batch_named(client, name, batch_id)
        while True:
            part = client.batch_log(name, batch, task, offset=offset)
            click.echo(part["text"], nl=False)
            sys.stdout.flush()
            is_more, offset = part["next"] > offset, part["next"]
            if not is_more and (part["is_over"] or not follow):
                return 0
            if not is_more:
                time.sleep(_FOLLOW_EVERY_S)
