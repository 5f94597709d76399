"""The verb `remote undo`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.asking import asked
from gitalign.cli.options import Options, RunId
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, report_said, run_named
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.core.jobs import ALREADY_UNDONE
from gitalign.core.names import display
from gitalign.documents.models.reports import ReportDocument

Push = Annotated[bool, option("--push", help="Also put back on the remote what was pushed.")]


@verb(acts=True, without=WITHOUT)
def undo(run_id: RunId, *, remote: Remote, push: Push = False, options: Options) -> int:
    """Put back what a run moved, after a question."""
    with remote.connected() as client:
        name = remote.name(client)
        wanted = run_named(client, name, run_id)
        look = remote.typed(name).command("show", display(wanted))
        if not asked(options, f"Put back what run {display(wanted)} moved?", look=f"or look first: {look}"):
            return 1
        ended = carried_out(options, client, client.undo(name, wanted, push=push), ReportDocument)
        if ended.job["outcome"] == ALREADY_UNDONE and not options.json:
            console().print(safe(ended.document["notices"][-1]))
            return ended.exit_code
        return report_said(options, client, remote, ended.document)
