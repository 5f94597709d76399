"""The verb `batch land`: land what was left for later."""

from __future__ import annotations

from dataclasses import replace

from gitalign import facade
from gitalign.cli.batch_options import Landing, NamedBatch
from gitalign.cli.batch_running import resumed
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console
from gitalign.cli.verb import verb
from gitalign.core.plan import Permit


@verb(acts=True)
def land(batch_id: NamedBatch, landing: Landing, options: Options) -> int:
    """Land a batch whose landing was left for later, did not succeed, or was undone.

    No task runs: `batch resume` goes on with the rest.
    """
    request = options.request()
    permit = Permit(plan_id="*", given_by="batch land")
    again = facade.land_undone_again(request, batch_id, push=landing.push, permit=permit)
    if again is not None and not (options.json or options.quiet):
        console().print("what was undone has landed again")
    configured = facade.batch_options(request)
    wanted = replace(configured, best_subset=landing.best_subset, push=landing.push, push_hooks=landing.push_hooks)
    return resumed(options, batch_id, wanted, facade.GoingOn(only_land=True))
