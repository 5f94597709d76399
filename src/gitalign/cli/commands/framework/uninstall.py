"""The verb `framework uninstall`."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.framework_options import AllowDirty, DryRun, ModuleNames, shown
from gitalign.cli.options import Options
from gitalign.cli.verb import verb


@verb(acts=True, without=("yes",))
def uninstall(
    *, modules: ModuleNames = (), allow_dirty: AllowDirty = False, dry_run: DryRun = False, options: Options
) -> int:
    """Remove modules, or all of `.cli_framework`.

    A file that was changed since it was installed stays. A file that was replaced comes back.
    """
    return shown(
        options, facade.framework_uninstall(options.request(), modules, allow_dirty=allow_dirty, dry_run=dry_run)
    )
