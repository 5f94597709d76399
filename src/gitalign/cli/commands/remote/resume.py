"""The verb `remote resume`."""

from __future__ import annotations

from gitalign.cli.options import Options, RunId
from gitalign.cli.remote import WITHOUT, Remote, carried_out, report_said, run_named
from gitalign.cli.verb import verb
from gitalign.documents.models.reports import ReportDocument


@verb(acts=True, without=(*WITHOUT, "yes"))
def resume(run_id: RunId, *, remote: Remote, options: Options) -> int:
    """Go on with a run that was stopped before it published."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.resume(name, run_named(client, name, run_id)), ReportDocument)
        return report_said(options, client, remote, ended.document)
