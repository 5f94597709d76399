"""The verb `batch land`: land what was left for later."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.batch_options import NamedBatch
from gitalign.cli.batch_running import resumed
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True)
def land(batch_id: NamedBatch, options: Options) -> int:
    """Land a batch whose landing was left for later, and go on with the rest."""
    return resumed(options, batch_id, facade.BatchOptions())
