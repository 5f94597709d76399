"""The verb `remote conflicts`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli import advice
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.rendering.conflicts import show_conflict, show_groups
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.conflict_groups import load_conflicts
from gitalign.documents.models.conflict_groups import ConflictsDocument

Branch = Annotated[str | None, argument(help="Show this branch in full.", metavar="[BRANCH]")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def conflicts(*, branch: Branch = None, remote: Remote, which: Choice, options: Options) -> int:
    """Group branches by the conflict at which they stop. Moves nothing."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.conflicts(name, **which.body(branch=branch)), ConflictsDocument)
    result = load_conflicts(ended.document)

    def show() -> None:
        if branch is None:
            show_groups(console(), result, everything=options.verbose)
        else:
            show_conflict(console(), result, branch)
        typed = remote.typed(name, which)
        advice.show(console(), advice.after_conflicts(result, None, typed, branch=branch))

    said(options, ended.document, show)
    if branch is not None and result.is_complete:
        return int(result.detail is not None)
    return ended.exit_code
