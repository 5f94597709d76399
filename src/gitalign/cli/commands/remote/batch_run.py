"""The verb `remote batch-run`."""

from __future__ import annotations

from typing import Annotated, Any

from gitalign.batches.planning.plan_document import from_dict
from gitalign.cli.asking import asked
from gitalign.cli.batch_options import File, Landing
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Remote, carried_out
from gitalign.cli.remote_batches import batch_followed, text_of_tasks
from gitalign.cli.rendering.batch_plan import show_batch_plan
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.documents.models.batch_plans import BatchPlanDocument

Target = Annotated[
    str | None, option("--target", help="Branch that results land on.", shown_default="the one in the file")
]


@verb(acts=True, without=WITHOUT)
def batch_run(file: File, *, remote: Remote, target: Target = None, landing: Landing, options: Options) -> int:
    """Have workers of the service run tasks, and land each batch, after a question.

    All commands are shown first. They are executed on the machine of a worker, if the service allows it.
    """
    text = text_of_tasks(file)
    more: dict[str, Any] = {"target": target} if target is not None else {}
    with remote.connected() as client:
        name = remote.name(client)
        made = carried_out(options, client, client.batch_plan(name, text, name=file.name, **more), BatchPlanDocument)
        plan_id = str(made.job["plan_id"])
        if not options.json and not options.quiet:
            show_batch_plan(console(stderr=True), from_dict(made.document), commands=True)
        if not asked(
            options, "Have the service execute these commands?", would="execute the commands of the plan", look=""
        ):
            return 1
        how: dict[str, Any] = {
            "best_subset": landing.best_subset,
            "push": landing.push,
            "push_hooks": landing.push_hooks,
        }
        return batch_followed(options, client, remote, client.batch_run(name, plan_id, **how))
