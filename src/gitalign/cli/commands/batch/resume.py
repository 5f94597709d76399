"""The verb `batch resume`: go on with a batch run."""

from __future__ import annotations

from dataclasses import replace

from gitalign import facade
from gitalign.cli.batch_options import Land, NamedBatch
from gitalign.cli.batch_running import ask, resumed, warn
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True)
def resume(batch_id: NamedBatch, *, land: Land = True, options: Options) -> int:
    """Go on with a batch run that was paused, stopped, cancelled or killed.

    Its commands were confirmed when it began; its tasks are confined as they were then.
    """
    from gitalign.batches.running.state import Request as Asked

    request = options.request()
    view = facade.batch_status(request, batch_id)
    if land and not view.run.status.is_final:
        warn(options, view.run.target)
    if view.is_alive:
        return ask(options, batch_id, Asked.NONE)
    return resumed(options, batch_id, replace(facade.batch_options(request), lands=land))
