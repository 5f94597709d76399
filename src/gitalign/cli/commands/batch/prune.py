"""The verb `batch prune`: remove work trees that hold nothing of value."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering import batches as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import verb

DryRun = Annotated[bool, option("--dry-run", help="Show what would be removed.")]


@verb(acts=True, without=("yes",))
def prune(*, dry_run: DryRun = False, options: Options) -> int:
    """Remove work trees that hold nothing of value.

    What killed runs left in theirs is pinned first. Refs and logs of batch runs stay.
    """
    trees = facade.prune_batch_trees(options.request(), dry_run=dry_run)
    if options.json:
        emit_json("batch-trees", rendering.trees_document(trees))
    elif not options.quiet:
        rendering.show_batch_trees(console(), trees)
    return 0
