"""The verb `remote report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from gitalign.cli.options import Options, RunId
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, run_named
from gitalign.cli.rendering.console import require_writable, write_whole
from gitalign.cli.verb import verb
from gitalign.facade import ReportFormat

Form = Annotated[ReportFormat, option("--format", help="Form of the report.", metavar="html|md|json|junit|sarif")]
Output = Annotated[
    Path | None, option("--output", "-o", help="Where to write it instead of printing it.", metavar="FILE")
]


@verb(without=(*WITHOUT, "yes", "json"))
def report(
    run_id: RunId, *, form: Form = ReportFormat.HTML, output: Output = None, remote: Remote, options: Options
) -> int:
    """Write up a run in one of its forms."""
    if output is not None:
        require_writable(output)
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.report(name, run_named(client, name, run_id), form=form.value), str)
    text = ended.document
    if output is None:
        click.echo(text)
    else:
        write_whole(output, text)
    return ended.exit_code
