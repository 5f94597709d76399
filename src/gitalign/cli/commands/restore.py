"""The verb `restore`: one branch back to where it was before a run moved it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.options import Options, PushHooks, hook_settings
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.moves import restore_question, show_way_forward
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.publications import show_outcome, show_preview
from gitalign.cli.verb import verb
from gitalign.core.plan import Permit
from gitalign.core.report import has_moved

Branch = Annotated[str, argument(help="Its name.", metavar="BRANCH")]


@dataclass(frozen=True, kw_only=True)
class Restoring:
    """Options of this verb alone."""

    run_id: Annotated[
        str | None,
        option(
            "--run",
            help="The run: its id, the beginning of one, or last.",
            shown_default="the newest one that moved the branch and is not undone",
            metavar="RUN",
        ),
    ] = None
    push: Annotated[bool, option("--push", help="Also put it back on the remote, if it was pushed.")] = False
    push_hooks: PushHooks = False
    dry_run: Annotated[bool, option("--dry-run", help="Show where it would be put.")] = False


@verb(acts=True)
def restore(branch: Branch, own: Restoring, options: Options) -> int:
    """Put one branch back to where it was before a run.

    The run moved or deleted it. This can be undone.
    """
    request = options.request(overrides=hook_settings(own.push_hooks))
    preview = facade.restore_preview(request, branch, own.run_id, push=own.push)
    if own.dry_run:
        show_preview(options, preview)
        return 0
    if preview and not asked(options, restore_question(branch, preview[0])):
        return 1
    permit = Permit(plan_id="*", push=own.push, given_by="--yes" if options.yes else "prompt")
    with followed(options) as (listeners, stop):
        report = facade.restore(
            request, branch, own.run_id, push=own.push, permit=permit, listeners=listeners, stop=stop
        )
    show_outcome(options, report)
    if has_moved(report) and not (options.json or options.quiet):
        show_way_forward(console(), report.run.id, push=own.push)
    return report.exit_code()
