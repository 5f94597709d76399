"""The verb `framework install`."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.framework_options import AllowDirty, DryRun, InstallMode, Modules, names_of, shown
from gitalign.cli.options import Options
from gitalign.cli.verb import verb
from gitalign.framework.contents import Mode


@verb(acts=True, without=("yes",))
def install(
    *,
    mode: InstallMode = Mode.MINIMAL,
    modules: Modules = "",
    allow_dirty: AllowDirty = False,
    dry_run: DryRun = False,
    options: Options,
) -> int:
    """Install `.cli_framework` into the work tree.

    A file that is in the way is replaced, and a copy is kept. A script that puts everything back is written first.
    """
    result = facade.framework_install(
        options.request(), mode, names_of(modules), allow_dirty=allow_dirty, dry_run=dry_run
    )
    return shown(options, result, next_step="git align framework rollback   puts everything back")
