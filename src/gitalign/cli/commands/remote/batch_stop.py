"""The verb `remote batch-stop`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, said
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb

Cancel = Annotated[bool, option("--cancel", help="Also end the tasks that run; their work is pinned.")]


@verb(acts=True, without=(*WITHOUT, "yes"))
def batch_stop(batch_id: NamedBatch, *, cancel: Cancel = False, remote: Remote, options: Options) -> int:
    """Start no further task of a batch run, and end it when its tasks have ended."""
    with remote.connected() as client:
        ask = client.batch_cancel if cancel else client.batch_stop
        job = ask(remote.name(client), batch_id)
    said(options, job, lambda: console().print(f"batch run {batch_id} was asked to {'cancel' if cancel else 'stop'}"))
    return 0
