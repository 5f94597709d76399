"""The verb `categorize`: where each branch belongs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from gitalign import facade
from gitalign.cli.options import Fetch, Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.categories import show_categories
from gitalign.cli.rendering.console import as_text, console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned
from gitalign.documents.formats import stamped
from gitalign.errors import UserError


class Shape(StrEnum):
    """Shapes of the file that `categorize` writes."""

    SIMPLE = "simple"
    DETAILED = "detailed"
    CLUSTERED = "clustered"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Categorizing:
    """Options of this verb alone."""

    output: Annotated[
        Path | None,
        option(
            "--output", "-o", help="Write the branch list: categorized_branches.json, which run reads.", metavar="FILE"
        ),
    ] = None
    shape: Annotated[
        Shape,
        option(
            "--format",
            help="What to write: simple (a branch list), detailed, clustered, or all, side by side with the checklist.",
            metavar="simple|detailed|clustered|all",
        ),
    ] = Shape.SIMPLE
    checklist: Annotated[Path | None, option("--checklist", help="Write ALIGNMENT_CHECKLIST.md.", metavar="FILE")] = (
        None
    )
    as_of: Annotated[
        datetime | None,
        option(
            "--as-of", help="Count ages to this day (UTC).", metavar="DATE", formats=("%Y-%m-%d",), shown_default="now"
        ),
    ] = None
    clusters: Annotated[bool, option("--clusters/--no-clusters", help="Group similar branches, or not.")] = True
    fetch: Fetch = False

    def places(self) -> dict[Path, Shape | None]:
        """What is to be written where; None for the checklist."""
        places: dict[Path, Shape | None] = {}
        if self.output is not None and self.shape is Shape.ALL:
            stem = self.output.with_suffix("")
            places = {
                self.output: Shape.SIMPLE,
                stem.with_name(f"{stem.name}_detailed.json"): Shape.DETAILED,
                self.output.with_name("clustered_branches.json"): Shape.CLUSTERED,
            }
            places[self.checklist or self.output.with_name("ALIGNMENT_CHECKLIST.md")] = None
        elif self.output is not None:
            places[self.output] = self.shape
        if self.checklist is not None:
            places[self.checklist] = None
        return places


@verb(paged=True)
def categorize(options: Options, which: Branches, own: Categorizing) -> int:
    """Show where each branch belongs, and why. Moves nothing."""
    from gitalign.categorize import documents

    if own.shape is not Shape.SIMPLE and own.output is None and not options.json:
        raise UserError(f"--format {own.shape} says what to write, but not where", hint="add -o FILE")
    places = own.places()
    for place in places:
        require_writable(place)
    request = options.request(which, or_remote=True, fetch=own.fetch, overrides=which.settings())
    result = facade.categorize(
        request,
        plan=planned(options, request, whatever_is_checked_out=True),
        as_of=own.as_of.replace(tzinfo=UTC) if own.as_of is not None else None,
        clusters=own.clusters,
    )
    forms = {
        Shape.SIMPLE: ("branch-list", documents.simple_document),
        Shape.DETAILED: ("categories", documents.detailed_document),
        Shape.CLUSTERED: ("clusters", documents.clustered_document),
    }

    def document(shape: Shape) -> dict[str, Any]:
        name, content = forms[shape]
        return stamped(name, content(result))

    for place, shape in places.items():
        write_whole(place, documents.checklist(result) if shape is None else as_text(document(shape)))
    if options.json:
        name, content = forms.get(own.shape, forms[Shape.DETAILED])
        emit_json(name, content(result))
    elif not options.quiet:
        show_categories(console(), result, everything=options.verbose)
        for place in places:
            console().print(f"written: {safe(str(place))}")
    return result.exit_code()
