"""The verb `remote plan`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Fetch, Options, Strategies
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.plan import show_plan
from gitalign.cli.verb import verb
from gitalign.documents import plans
from gitalign.documents.models.plans import PlanDocument

Push = Annotated[bool, option("--push", help="Read the remote's tips, so that a run of this plan can push.")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def plan(
    *, remote: Remote, which: Choice, how: Strategies, fetch: Fetch = False, push: Push = False, options: Options
) -> int:
    """Show what a run would do, branch by branch. Changes nothing."""
    with remote.connected() as client:
        asked = which.body(strategy=how.strategy, merges=how.merges, fetch=fetch, push=push)
        job = client.plan(remote.name(client), **asked)
        ended = carried_out(options, client, job, PlanDocument)
    result = plans.load(ended.document)
    said(options, ended.document, lambda: show_plan(console(), result, everything=options.verbose, fetched=fetch))
    return ended.exit_code
