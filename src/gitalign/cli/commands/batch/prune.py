"""The verb `batch prune`: remove work trees that hold nothing of value, and old batch runs."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb

OlderThan = Annotated[
    int | None,
    option(
        "--older-than",
        help="Age of batch runs in days.",
        shown_default="batch.retention_days, 30",
        bounds=(0, 36_500),
        metavar="DAYS",
    ),
]
Unlanded = Annotated[bool, option("--unlanded", help="Also remove old batch runs whose work has not landed.")]
DryRun = Annotated[bool, option("--dry-run", help="Show what would be removed.")]


@verb(acts=True)
def prune(
    *, older_than: OlderThan = None, unlanded: Unlanded = False, dry_run: DryRun = False, options: Options
) -> int:
    """Remove work trees that hold nothing of value, and old batch runs with their refs and logs.

    What killed runs left in their trees is pinned first. An old batch run whose work is on no branch stays, unless --unlanded.
    """
    request = options.request()
    if unlanded and not dry_run and not _confirmed(options, request, older_than):
        return 1
    trees = facade.prune_batch_trees(request, dry_run=dry_run)
    runs = facade.prune_batch_runs(request, older_than_days=older_than, unlanded=unlanded, dry_run=dry_run)
    if options.json:
        emit_json("batch-trees", rendering.trees_document(trees, runs))
    elif not options.quiet:
        rendering.show_batch_trees(console(), trees)
        rendering.show_pruned_batch_runs(console(), runs)
    return 0


def _confirmed(options: Options, request: facade.Request, older_than: int | None) -> bool:
    would = facade.prune_batch_runs(request, older_than_days=older_than, unlanded=True, dry_run=True).runs
    lost = [one for one in would if one.unlanded and not one.kept_because]
    if not lost:
        return True
    count = sum(len(one.unlanded) for one in lost)
    return asked(
        options,
        f"Remove {many(len(lost), 'batch run', 'batch runs')} with {many(count, 'ref', 'refs')} that did not land? "
        "That work is lost then.",
        would="remove work that has not landed",
        look="or look at it first: git align batch prune --unlanded --dry-run",
    )
