"""What the verbs of `framework` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.framework.contents import Mode

if TYPE_CHECKING:
    from gitalign.facade import FrameworkChanges

InstallMode = Annotated[Mode, option("--mode", help="How much: two modules, all three, or those of --modules.")]
Modules = Annotated[str, option("--modules", help="Modules of mode custom, separated by commas.", metavar="NAME,NAME")]
AllowDirty = Annotated[
    bool, option("--allow-dirty", help="Also when files that git tracks have changes that are not committed.")
]
DryRun = Annotated[bool, option("--dry-run", help="Show what would change.")]
ModuleNames = Annotated[tuple[str, ...], argument(help="Modules; everything without one.", metavar="[MODULE]...")]


def names_of(modules: str) -> tuple[str, ...]:
    """The names in `a,b`."""
    return tuple(name.strip() for name in modules.split(",") if name.strip())


def shown(options: Options, result: FrameworkChanges, *, next_step: str = "") -> int:
    """Show what changed in the work tree; the exit code."""
    from gitalign.cli.rendering import framework as rendering
    from gitalign.cli.rendering.console import console, emit_json

    if options.json:
        emit_json("framework", rendering.framework_document(result.standing, result))
    elif not options.quiet:
        rendering.show_changes(console(), result, next_step=next_step)
    return rendering.exit_code(result)
