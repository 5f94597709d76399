"""The verb `prune`: what old runs left, and with `--merged` branches of which everything is in their target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli.asking import asked
from gitalign.cli.options import Options, PushHooks, hook_settings
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.merged import show_merged
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.publications import show_outcome
from gitalign.cli.rendering.runs import PRUNE_WOULD, prune_question, show_prune
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Author, Exclude, Filters, Only, Remote, Since, Targets, target_settings
from gitalign.core.plan import Permit
from gitalign.core.report import has_moved
from gitalign.documents import listings
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.core.merged import Merged
    from gitalign.facade import Request


@dataclass(frozen=True, kw_only=True)
class OldRuns:
    """Which runs are old, and what of them is removed."""

    older_than: Annotated[
        str | None,
        option(
            "--older-than",
            help="Age of runs in days; with --merged of the last commit of branches: `90 days`, `2026-01-31`.",
            shown_default="retention_days, 30",
            metavar="DAYS|AGE|DATE",
        ),
    ] = None
    backups: Annotated[bool, option("--backups", help="Also remove backup branches of old runs.")] = False


@dataclass(frozen=True, kw_only=True)
class MergedBranches:
    """Whether merged branches are deleted, and which."""

    merged: Annotated[
        bool, option("--merged", help="Delete merged branches instead: every commit of them is in their target.")
    ] = False
    squashed: Annotated[
        bool,
        option(
            "--squashed",
            help="With --merged: also branches that were squashed, rebased or picked into their target.",
        ),
    ] = False
    remote: Remote = None
    only: Only = ()
    exclude: Exclude = ()
    author: Author = ()
    since: Since = None
    target: Targets = ()
    push_hooks: PushHooks = False


_MOST_DAYS = 36_500
DryRun = Annotated[bool, option("--dry-run", help="Show what would be removed.")]


@verb(acts=True)
def prune(*, runs: OldRuns, branches: MergedBranches, dry_run: DryRun = False, options: Options) -> int:
    """Remove what old runs left, or delete merged branches.

    Runs whose leftovers are removed cannot be undone any more. With --merged, merged branches are deleted instead.
    """
    if not branches.merged:
        _require_merged(branches)
        return _of_runs(options, older_than=_days(runs.older_than), backups=runs.backups, dry_run=dry_run)
    if runs.backups:
        raise UserError("--merged cannot be combined with --backups", hint="that is about old runs: git align prune")
    is_number = (runs.older_than or "").isdecimal()
    which = Filters(
        only=branches.only,
        exclude=branches.exclude,
        author=branches.author,
        since=branches.since,
        older_than=f"{runs.older_than} days" if is_number else runs.older_than,
    )
    request = options.request(
        which,
        remote=branches.remote,
        overrides={**target_settings(branches.target), **hook_settings(branches.push_hooks)},
    )
    return _of_branches(options, request, squashed=branches.squashed, dry_run=dry_run)


def _require_merged(branches: MergedBranches) -> None:
    """Refuse options that choose branches where none are deleted.

    Raises:
        UserError
    """
    typed = {
        "--squashed": branches.squashed,
        "--remote": branches.remote is not None,
        "--only": bool(branches.only),
        "--exclude": bool(branches.exclude),
        "--author": bool(branches.author),
        "--since": branches.since is not None,
        "--target": bool(branches.target),
        "--push-hooks": branches.push_hooks,
    }
    if needless := [name for name, is_typed in typed.items() if is_typed]:
        raise UserError(f"{', '.join(needless)} needs --merged", hint="git align prune --help")


def _days(typed: str | None) -> int | None:
    """The age of runs.

    Raises:
        UserError: not a number of days, or too large.
    """
    if typed is None:
        return None
    if not typed.isdecimal() or not 0 <= int(typed) <= _MOST_DAYS:
        raise UserError(
            f"--older-than {typed!r} is not a number of days from 0 to {_MOST_DAYS}",
            hint="ages and dates choose branches, with --merged",
        )
    return int(typed)


def _of_runs(options: Options, *, older_than: int | None, backups: bool, dry_run: bool) -> int:
    request = options.request()
    if not dry_run:
        facade.recover(request)  # before anything is counted
    report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=True)
    if not dry_run:
        if (report.anchors or report.backups or report.runs) and not asked(
            options, prune_question(len(report.runs), len(report.backups)), would=PRUNE_WOULD
        ):
            return 1
        report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=False)
    batches = facade.prune_batch_runs(request, older_than_days=older_than, dry_run=dry_run)
    document = facade.pruned_content(report, batches)
    if options.json:
        emit_json("pruned", document)
    elif not options.quiet:
        show_prune(console(), document)
    return 0


def _of_branches(options: Options, request: Request, *, squashed: bool, dry_run: bool) -> int:
    with followed(options) as (listeners, stop):
        if not dry_run:
            facade.recover(request, stop=stop)
        found = facade.merged_branches(request, listeners=listeners, stop=stop)
    chosen = found.to_delete(squashed=squashed)
    if dry_run or not chosen:
        _show(options, found, request, squashed=squashed, dry_run=dry_run)
        return 0
    if not options.json and not options.quiet:
        _show(options, found, request, squashed=squashed, dry_run=dry_run)
    where = "" if request.remote is None else f" on {chosen[0].remote}"
    back = "git align undo last" + ("" if request.remote is None else " --push")
    if not asked(
        options,
        f"Delete {many(len(chosen), 'branch', 'branches')}{where}? {back} brings them back.",
        would="delete branches",
    ):
        return 1
    with followed(options) as (listeners, stop):
        report = facade.prune_merged(
            request,
            squashed=squashed,
            found=found,
            permit=Permit(plan_id="*", push=request.remote is not None, given_by="--yes" if options.yes else "prompt"),
            listeners=listeners,
            stop=stop,
        )
    assert report is not None
    show_outcome(options, report)
    if has_moved(report) and not (options.json or options.quiet):
        push = "" if request.remote is None else " --push"
        console().print(f"[bold]next:[/] git align undo {report.run.id}{push}   brings the deleted branches back")
    return report.exit_code()


def _show(options: Options, found: Merged, request: Request, *, squashed: bool, dry_run: bool) -> None:
    if options.json:
        chosen = {one.branch for one in found.to_delete(squashed=squashed)}
        emit_json("merged-branches", listings.dump_merged_branches(found.branches, chosen=chosen, dry_run=dry_run))
    else:
        nothing = _nothing_merged(request)
        show_merged(console(), found.branches, squashed=squashed, nothing=nothing, everything=options.verbose)


def _nothing_merged(request: Request) -> str:
    """What is said where no branch is to be deleted."""
    filters = (request.only, request.exclude, request.authors, request.since, request.older_than)
    if any(filters):
        return "no merged branch passes the filters"
    if request.remote is not None:
        return "no branch is merged"
    return "no local branch is merged; for a remote's: git align prune --merged --remote"
