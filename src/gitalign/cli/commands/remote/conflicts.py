"""The verb `remote conflicts`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.verb import verb
from gitalign.documents.models.conflict_groups import ConflictsDocument

Branch = Annotated[str | None, argument(help="Show all about this branch.", metavar="[BRANCH]")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def conflicts(*, branch: Branch = None, remote: Remote, which: Choice, options: Options) -> int:
    """Group branches by the conflict at which they stop. Moves nothing."""
    with remote.connected() as client:
        ended = carried_out(
            options,
            client,
            client.conflicts(remote.name(client), **which.body(branch=branch)),
            ConflictsDocument,
        )
    said(options, ended.document)
    return ended.exit_code
