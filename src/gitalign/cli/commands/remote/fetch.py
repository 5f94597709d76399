"""The verb `remote fetch`."""

from __future__ import annotations

from dataclasses import replace

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.status import show_status
from gitalign.cli.verb import verb
from gitalign.documents.models.status import StatusDocument
from gitalign.documents.overviews import load_status


@verb(acts=True, without=(*WITHOUT, "yes"))
def fetch(*, remote: Remote, options: Options) -> int:
    """Fetch what the remote of the repository has, and show where things stand."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.fetch(name), StatusDocument)

    def show() -> None:
        typed, status = remote.typed(name), load_status(ended.document)
        following = typed.command("plan") if status.to_align else ""
        show_status(console(), replace(status, repository=name, next_command=following), typed=typed)

    said(options, ended.document, show)
    return ended.exit_code
