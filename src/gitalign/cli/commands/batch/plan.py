"""The verb `batch plan`: which tasks would run side by side. Nothing runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli.batch_options import File, Source
from gitalign.cli.batch_running import warn
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.batch_plan import show_batch_plan
from gitalign.cli.rendering.console import console, emit_json, require_writable, write_whole
from gitalign.cli.verb import verb

Output = Annotated[Path | None, option("--output", "-o", help="Write the plan to this file.", metavar="FILE")]


@verb(without=("yes",))
def plan(file: File, source: Source, output: Output = None, *, options: Options) -> int:
    """Show which tasks would run side by side, in which order, and why. Nothing runs."""
    from gitalign.batches.planning.plan_document import to_dict

    if output is not None:
        require_writable(output)
    planned = facade.plan_batches(options.request(), source.of(file))
    warn(options, planned.task_list.target if planned.task_list is not None else None)
    document = to_dict(planned)
    if output is not None:
        write_whole(output, json.dumps(document, indent=2) + "\n")
    if options.json:
        emit_json("batch-plan", document)
    elif not options.quiet:
        show_batch_plan(console(), planned, commands=options.verbose)
    return 0
