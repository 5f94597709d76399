"""The verb `remote batch-plan`."""

from __future__ import annotations

from typing import Annotated

from gitalign.batches.planning.plan_document import from_dict
from gitalign.cli.batch_options import File
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.remote_batches import text_of_tasks
from gitalign.cli.rendering.batch_plan import show_batch_plan
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.client.bodies import BatchPlanning
from gitalign.documents.models.batch_plans import BatchPlanDocument

Target = Annotated[
    str | None, option("--target", help="Branch that results land on.", shown_default="the one in the file")
]


@verb(paged=True, without=(*WITHOUT, "yes"))
def batch_plan(file: File, *, remote: Remote, target: Target = None, options: Options) -> int:
    """Show which tasks would run side by side, in which order, and why. Nothing runs."""
    text = text_of_tasks(file)
    with remote.connected() as client:
        name = remote.name(client)
        more: BatchPlanning = {} if target is None else {"target": target}
        job = client.batch_plan(name, text, name=file.name, **more)
        document = carried_out(options, client, job, BatchPlanDocument).document
    said(options, document, lambda: show_batch_plan(console(), from_dict(document), commands=options.verbose))
    return 0
