"""The verb `remote fetch`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.verb import verb
from gitalign.documents.models.status import StatusDocument


@verb(acts=True, without=(*WITHOUT, "yes"))
def fetch(*, remote: Remote, options: Options) -> int:
    """Fetch what the remote of the repository has."""
    with remote.connected() as client:
        ended = carried_out(options, client, client.fetch(remote.name(client)), StatusDocument)
    said(options, ended.document)
    return ended.exit_code
