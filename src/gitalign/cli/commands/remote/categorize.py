"""The verb `remote categorize`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.verb import verb
from gitalign.documents.models.categories import BranchListDocument


@verb(paged=True, without=(*WITHOUT, "yes"))
def categorize(*, remote: Remote, which: Choice, options: Options) -> int:
    """Show where each branch belongs, and why. Moves nothing."""
    with remote.connected() as client:
        ended = carried_out(
            options, client, client.categorize(remote.name(client), **which.body(format="simple")), BranchListDocument
        )
    said(options, ended.document)
    return ended.exit_code
