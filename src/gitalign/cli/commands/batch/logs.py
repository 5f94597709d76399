"""The verb `batch logs`: the output of one task."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import click

from gitalign import facade
from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import emit_json
from gitalign.cli.verb import verb
from gitalign.errors import UserError

_FOLLOW_EVERY_S = 0.3

Follow = Annotated[bool, option("--follow", "-f", help="Go on until the task ends.")]
TaskName = Annotated[str, argument(help="Task id.", metavar="TASK")]


@verb(without=("yes",))
def logs(batch_id: NamedBatch, task: TaskName, *, follow: Follow = False, options: Options) -> int:
    """Show what a task has written so far."""
    request = options.request()
    if options.json and follow:
        raise UserError("--follow cannot be combined with --json", hint="leave out one of them")
    batch_id = facade.batch_status(request, batch_id).run.id
    shown = 0
    while True:
        view = facade.batch_status(request, batch_id)
        text = facade.batch_log(request, batch_id, task)
        if options.json:
            status = view.run.tasks[task].status.value
            seen = {"batch_run": batch_id, "task": task, "status": status, "is_alive": view.is_alive, "output": text}
            emit_json("batch-log", seen)
            return 0
        click.echo(text[shown:], nl=False)
        sys.stdout.flush()
        shown = len(text)
        if not follow or not view.is_alive or view.run.tasks[task].finished_at is not None:
            return 0
        time.sleep(_FOLLOW_EVERY_S)
