"""The verb `remote order`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.order import show_order
from gitalign.cli.verb import verb
from gitalign.documents.models.execution_plans import ExecutionPlanDocument
from gitalign.landing.execution_plan import ExecutionPlan


@verb(paged=True, without=(*WITHOUT, "yes"))
def order(*, remote: Remote, which: Choice, options: Options) -> int:
    """Choose what can land together, and what first. Moves nothing."""
    with remote.connected() as client:
        ended = carried_out(options, client, client.order(remote.name(client), **which.body()), ExecutionPlanDocument)
    result = ExecutionPlan.from_dict(ended.document)
    said(options, ended.document, lambda: show_order(console(), result, everything=options.verbose))
    return ended.exit_code
