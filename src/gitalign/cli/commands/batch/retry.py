"""The verb `batch retry`: run again what failed, after a question."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.batch_options import Land, NamedBatch
from gitalign.cli.batch_running import resumed, warn
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.verb import verb

TaskNames = Annotated[
    tuple[str, ...], argument(help="Tasks that run again besides those that failed.", metavar="[TASK]...")
]


@verb(acts=True)
def retry(batch_id: NamedBatch, tasks: TaskNames = (), *, land: Land = True, options: Options) -> int:
    """Run again what failed in a batch run, and what is named. Other results stay."""
    request = options.request()
    view = facade.batch_status(request, batch_id)
    if land:
        warn(options, view.run.target)
    if not asked(
        options,
        f"Run the failed tasks of batch run {view.run.id} again?",
        would="run the failed tasks again",
        look=f"or look at them first: git align batch status {view.run.id}",
    ):
        return 1
    wanted = replace(facade.batch_options(request), lands=land)
    return resumed(options, view.run.id, wanted, facade.GoingOn(retry=True, task_ids=tasks))
