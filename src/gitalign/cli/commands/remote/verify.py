"""The verb `remote verify`."""

from __future__ import annotations

from gitalign.cli.options import Options, RunId
from gitalign.cli.remote import WITHOUT, Remote, carried_out, run_named, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.proofs import show_proofs
from gitalign.cli.verb import verb
from gitalign.documents.models.listings import ProofsDocument
from gitalign.documents.proofs import load_proof


@verb(without=(*WITHOUT, "yes"))
def verify(run_id: RunId, *, remote: Remote, options: Options) -> int:
    """Prove the certificates of a run again, where the repository is."""
    with remote.connected() as client:
        name = remote.name(client)
        wanted = run_named(client, name, run_id)
        ended = carried_out(options, client, client.verify(name, wanted), ProofsDocument)
    proofs = [load_proof(one) for one in ended.document["proofs"]]
    said(options, ended.document, lambda: show_proofs(console(), proofs, everything=options.verbose))
    return ended.exit_code
