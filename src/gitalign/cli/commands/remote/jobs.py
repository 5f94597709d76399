"""The verb `remote jobs`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import plain_table, safe
from gitalign.cli.verb import verb
from gitalign.documents.formats import stamped

Most = Annotated[int, option("--most", help="List at most so many.", bounds=(1, 10_000), metavar="NUMBER")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def jobs(*, remote: Remote, most: Most = 50, options: Options) -> int:
    """List jobs of the repository, newest first."""
    with remote.connected() as client:
        rows = list(islice(client.jobs(remote.name(client), limit=min(most, 200)), most))

    def show() -> None:
        table = plain_table("job", "kind", "state", "outcome", "asked by")
        for one in rows:
            table.add_row(one["id"], one["kind"], one["state"], one["outcome"], safe(one["created_by"]))
        console().print(table)

    said(options, stamped("jobs", {"jobs": rows, "next": None}), show)
    return 0
