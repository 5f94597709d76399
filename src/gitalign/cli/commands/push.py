"""The verb `push`: what runs moved, and remotes do not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.asking import asked
from gitalign.cli.options import Options, PushHooks, hook_settings
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.publications import show_outcome, show_preview
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Filters
from gitalign.core.plan import Permit
from gitalign.core.publication import PushState

Run = Annotated[
    str | None,
    argument(
        help="Only what this run moved: its id, the beginning of one, or last.",
        metavar="[RUN]",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Pushing:
    """Options of this verb alone."""

    push_hooks: PushHooks = False
    dry_run: Annotated[bool, option("--dry-run", help="Show what would be pushed, and where.")] = False


@verb(acts=True)
def push(*, run_id: Run = None, which: Filters, own: Pushing, options: Options) -> int:
    """Push what runs moved and remotes do not have.

    Each branch has its own lease: what another person pushed meanwhile is never overwritten.
    """
    request = options.request(which, overrides=hook_settings(own.push_hooks))
    preview = facade.push_preview(request, run_id)
    if own.dry_run:
        show_preview(options, preview)
        return 0
    count = sum(one.push is PushState.UNKNOWN for one in preview)
    if count and not asked(
        options, f"Push {many(count, 'branch', 'branches')}? undo --push takes it back.", would="push branches"
    ):
        return 1
    permit = Permit(plan_id="*", push=True, given_by="--yes" if options.yes else "prompt")
    with followed(options) as (listeners, stop):
        report = facade.push(request, run_id, permit=permit, listeners=listeners, stop=stop)
    if report is None:
        show_preview(options, ())
        return 0
    show_outcome(options, report)
    if any(one.push is PushState.PUSHED for one in report.publications) and not (options.json or options.quiet):
        back = advice.Typed.of(request).command("undo", "--push", report.run.id)
        advice.show(console(), [advice.Advice(back, "gives the remote back what it held")])
    return report.exit_code()
