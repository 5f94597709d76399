"""The verb `batch undo`: put the target back to before a batch run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering import batch_landings as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.core.names import display
from gitalign.core.plan import Permit


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """Options of this verb alone."""

    push: Annotated[bool, option("--push", help="Also put back on the remote what was pushed.")] = False
    dry_run: Annotated[bool, option("--dry-run", help="Show what would be put back.")] = False


@verb(acts=True)
def undo(batch_id: NamedBatch, own: Undoing, options: Options) -> int:
    """Put the target back to before a batch run: every landing of it, the newest first.

    A target that has moved on since stays where it is. Each undo can be undone.
    """
    request = options.request()
    if not own.dry_run:
        facade.recover(request)
    found = facade.batch_landings(request, batch_id, push=own.push)
    if not own.dry_run:
        facade.require_landings(found)
        if possible := found.possible(push=own.push):
            where = f"{display(found.target)} on its remote" if not found.standing else display(found.target)
            question = (
                f"Undo {many(len(possible), 'landing', 'landings')} of batch run {found.batch_run}? "
                f"It changes {where} to {possible[-1].before[:12]}."
            )
            if not asked(options, question, would="move the target back"):
                return 1
            permit = Permit(plan_id="*", push=own.push, given_by="--yes" if options.yes else "prompt")
            with followed(options) as (listeners, stop):
                found = facade.undo_batches(
                    request, found.batch_run, push=own.push, permit=permit, listeners=listeners, stop=stop
                )
    found = replace(found, dry_run=own.dry_run)
    if options.json:
        emit_json("batch-landings", facade.landings_content(found))
    elif not options.quiet:
        rendering.show_landings(console(), found)
    return 1 if found.left(push=own.push) and not own.dry_run else 0
