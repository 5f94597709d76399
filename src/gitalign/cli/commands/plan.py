"""The verb `plan`: what a run would do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.options import Alignment, Fetch, Input, Options, Partial, given
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.plan import show_plan, show_protections
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned
from gitalign.core.names import shell_word
from gitalign.documents import plans
from gitalign.documents.protections import dump_protection


@dataclass(frozen=True, kw_only=True)
class Planning:
    """Options of this verb alone."""

    partial: Partial = False
    fetch: Fetch = False
    push: Annotated[bool, option("--push", help="Read the remote's tips, so that a run of this plan can push.")] = False
    save: Annotated[
        Path | None,
        option("--save", help="Write the plan to a file, to be run later with run --plan.", metavar="FILE"),
    ] = None


@verb(paged=True)
def plan(*, options: Options, input: Input = None, which: Branches, how: Alignment, own: Planning) -> int:
    """Show what a run would do, branch by branch. Changes nothing."""
    if own.save is not None:
        require_writable(own.save)
    request = options.request(
        which,
        input=input,
        or_remote=not own.push,
        fetch=own.fetch,
        push=own.push,
        overrides={**which.settings(), **how.settings(), **given({"alignment.partial": own.partial or None})},
    )
    result = planned(options, request)
    if own.save is not None:
        write_whole(own.save, plans.text_of(result, indent=2) + "\n")
    protected = facade.protections(request, plan=result)
    if options.json:
        shown = {"protections": [dump_protection(one) for one in protected]} if protected else {}
        emit_json("plan", {**plans.dump(result), **shown})
    elif not options.quiet:
        show_plan(console(), result, everything=options.verbose, fetched=own.fetch)
        show_protections(console(), protected)
        if own.save is not None:
            console().print(f"saved; run it with: git align run --plan {safe(shell_word(str(own.save)))}")
        else:
            advice.show(console(), advice.after_plan(result, advice.Typed.of(request)))
    return 0
