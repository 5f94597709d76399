"""The verb `remote show`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.remote import WITHOUT, Remote, report_said, run_named
from gitalign.cli.verb import verb

Run = Annotated[str, argument(help="Run id, or last.", metavar="[RUN]")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def show(*, run_id: Run = "last", remote: Remote, options: Options) -> int:
    """Show the result of a run that the service made."""
    with remote.connected() as client:
        name = remote.name(client)
        document = client.show(name, run_named(client, name, run_id))
        report_said(options, client, remote, document, is_new=False)
    return 0
