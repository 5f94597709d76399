"""The verb `remote stop`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.remote import WITHOUT, Server, said
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb

JobId = Annotated[str, argument(help="Id of the job.", metavar="JOB")]


@verb(acts=True, without=(*WITHOUT, "yes"))
def stop(job_id: JobId, *, remote: Server, options: Options) -> int:
    """End a job of the service cleanly."""
    with remote.connected() as client:
        job = client.stop(job_id)
    said(options, job, lambda: console().print(f"job {job['id']} was asked to stop"))
    return 0
