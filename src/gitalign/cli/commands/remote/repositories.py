"""The verb `remote repositories`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Server, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.documents.formats import stamped


@verb(paged=True, without=(*WITHOUT, "yes"))
def repositories(*, remote: Server, options: Options) -> int:
    """List the repositories of the service."""
    with remote.connected() as client:
        rows = client.repositories()

    def show() -> None:
        for one in rows:
            console().print(safe(one["name"]))

    said(options, stamped("repositories", {"repositories": rows}), show)
    return 0
