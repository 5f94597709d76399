"""The verb `batch run`: run tasks, and land each batch, after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.batch_options import File, Land, Landing, Running, Source
from gitalign.cli.batch_running import carried_out, warn
from gitalign.cli.options import Options
from gitalign.cli.rendering.batch_plan import show_batch_plan
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.core.names import display
from gitalign.core.plan import Permit

if TYPE_CHECKING:
    from gitalign.batches.planning.plan import BatchPlan


@verb(acts=True)
def run(
    file: File,
    source: Source,
    how: Running,
    landing: Landing,
    *,
    land: Land = True,
    options: Options,
) -> int:
    """Run tasks in work trees of their own, and land each batch as a whole.

    All commands are shown first, and you are asked. The exit code is 1 when not everything has landed.
    """
    request = options.request()
    planned = facade.plan_batches(request, source.of(file))
    if land:
        warn(options, planned.task_list.target if planned.task_list is not None else None)
    wanted = how.options(facade.batch_options(request), landing, lands=land)
    if not _confirmed(options, planned, wanted, facade.confinement_words(request, wanted)):
        return 1
    permit = Permit(plan_id=facade.plan_digest(planned), given_by="--yes" if options.yes else "prompt")
    return carried_out(
        options,
        lambda caller, listeners: facade.start_batches(
            request, planned, permit=permit, options=wanted, caller=caller, listeners=listeners
        ),
    )


def _confirmed(options: Options, planned: BatchPlan, wanted: facade.BatchOptions, confinement: str) -> bool:
    """Whether the operator agrees to what is executed.

    Raises:
        NotPermitted: no one can be asked.
    """
    if not options.json and not options.quiet:
        show_batch_plan(console(stderr=True), planned, commands=True)
        console(stderr=True).print(safe(f"confinement: {confinement}"))
    target = planned.task_list.target if planned.task_list is not None else None
    where = f" and land the results on {display(target)}" if target is not None else ""
    where += ", pushed to its remote" if where and wanted.push else ""
    return asked(
        options,
        f"Execute these commands{where}?",
        would="execute the commands of the plan",
        look="or look at them first: git align batch plan --verbose FILE",
    )
