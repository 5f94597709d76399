"""The verb `remote categorize`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from gitalign.categorize.document_reading import load_detailed
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.rendering.categories import show_categories
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.models.categories import BranchListDocument, CategoriesDocument, ClustersDocument


class Shape(StrEnum):
    """Shapes of the document that `remote categorize` prints."""

    SIMPLE = "simple"
    DETAILED = "detailed"
    CLUSTERED = "clustered"


_KINDS: dict[Shape, type[BranchListDocument | CategoriesDocument | ClustersDocument]] = {
    Shape.SIMPLE: BranchListDocument,
    Shape.DETAILED: CategoriesDocument,
    Shape.CLUSTERED: ClustersDocument,
}
Form = Annotated[Shape, option("--format", help="What --json prints.", metavar="simple|detailed|clustered")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def categorize(*, form: Form = Shape.SIMPLE, remote: Remote, which: Choice, options: Options) -> int:
    """Show where each branch belongs, and why. Moves nothing."""
    shape = form if options.json else Shape.DETAILED
    with remote.connected() as client:
        name = remote.name(client)
        job = client.categorize(name, **which.body(format=shape.value))
        ended = carried_out(options, client, job, _KINDS[shape])

    def show() -> None:
        result = load_detailed(ended.document)
        show_categories(console(), result, everything=options.verbose, typed=remote.typed(name, which))

    said(options, ended.document, show)
    return ended.exit_code
