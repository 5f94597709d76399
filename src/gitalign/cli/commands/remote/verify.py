"""The verb `remote verify`."""

from __future__ import annotations

from gitalign.cli.options import Options, RunId
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.verb import verb
from gitalign.documents.models.listings import ProofsDocument


@verb(without=(*WITHOUT, "yes"))
def verify(run_id: RunId, *, remote: Remote, options: Options) -> int:
    """Prove the certificates of a run again, where the repository is."""
    with remote.connected() as client:
        ended = carried_out(options, client, client.verify(remote.name(client), run_id), ProofsDocument)
    said(options, ended.document)
    return ended.exit_code
