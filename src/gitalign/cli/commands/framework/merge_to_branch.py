"""The verb `framework merge-to-branch`."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.framework_options import DryRun, InstallMode, Modules, names_of
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering import framework as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.publications import show_outcome
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.core.plan import Permit
from gitalign.framework.contents import Mode

Branches = Annotated[tuple[str, ...], argument(help="Local branches.", metavar="BRANCH...")]
Backup = Annotated[bool, option("--backup", help="Make a backup branch of each, and replace files of other content.")]


@verb("merge-to-branch", acts=True)
def merge_to_branch(
    *,
    branches: Branches = (),
    mode: InstallMode = Mode.MINIMAL,
    modules: Modules = "",
    backup: Backup = False,
    dry_run: DryRun = False,
    options: Options,
) -> int:
    """Add `.cli_framework` to branches, as one commit on each.

    The commits are made in memory; no branch is checked out. `git align undo` puts the branches back.
    """
    request = options.request()
    what = facade.framework_addition(request, branches, mode, names_of(modules), backup=backup)
    additions = facade.framework_preview(request, what)
    needed = sum(one.is_needed for one in additions)
    if not dry_run and not options.json and not options.quiet:
        rendering.show_additions(console(), additions)
    if dry_run or not needed:
        if options.json:
            emit_json("framework-additions", rendering.additions_document(additions, dry_run=dry_run))
        elif dry_run and not options.quiet:
            rendering.show_additions(console(), additions)
        return int(any(one.refusal for one in additions))
    if not asked(options, f"Add a commit to {many(needed, 'branch', 'branches')}? They can be put back with undo."):
        return 1
    with followed(options) as (listeners, stop):
        permit = Permit(plan_id="*", given_by="--yes" if options.yes else "prompt")
        report = facade.framework_merge(request, what, permit=permit, listeners=listeners, stop=stop)
    if report is None:
        return 0
    show_outcome(options, report)
    if report.run.moved and not (options.json or options.quiet):
        console().print(f"[bold]next:[/] git align undo {report.run.id}   puts the branches back")
    return report.exit_code()
