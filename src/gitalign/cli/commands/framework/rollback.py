"""The verb `framework rollback`."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.framework_options import DryRun, shown
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True, without=("yes",))
def rollback(*, dry_run: DryRun = False, options: Options) -> int:
    """Put the work tree back to how it was before the newest installation.

    Also after an installation that was cut off. Called again, it goes one installation further back.
    """
    return shown(options, facade.framework_rollback(options.request(), dry_run=dry_run))
