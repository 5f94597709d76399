"""The verb `prune`: what old runs left, and with `--merged` branches of which everything is in their target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Json,
    Only,
    PushHooks,
    Quiet,
    Repo,
    Verbose,
    Yes,
    asked,
    carried_out,
    leave,
    overrides_of,
)
from gitalign.cli.working_set import Exclude, Remote, Targets

if TYPE_CHECKING:
    from gitalign.core.merged import Merged
    from gitalign.facade import Request


def prune(
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            help="Age of runs in days.",
            min=0,
            max=36_500,
            show_default="retention_days, 30",
            metavar="DAYS",
        ),
    ] = None,
    backups: Annotated[bool, typer.Option("--backups", help="Also remove backup branches of old runs.")] = False,
    merged: Annotated[
        bool, typer.Option("--merged", help="Delete merged branches instead: every commit of them is in their target.")
    ] = False,
    squashed: Annotated[
        bool,
        typer.Option(
            "--squashed",
            help="With --merged: also branches that were squashed, rebased or picked into their target.",
        ),
    ] = False,
    remote: Remote = None,
    only: Only = None,
    exclude: Exclude = None,
    target: Targets = None,
    push_hooks: PushHooks = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Remove what old runs left, or delete merged branches.

    Runs whose leftovers are removed cannot be undone any more. With --merged, merged branches are deleted instead.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign.errors import UserError

        if not merged:
            typed = {
                "--squashed": squashed,
                "--remote": remote is not None,
                "--only": bool(only),
                "--exclude": bool(exclude),
                "--target": bool(target),
                "--push-hooks": push_hooks,
            }
            if needless := [name for name, is_typed in typed.items() if is_typed]:
                raise UserError(f"{', '.join(needless)} needs --merged", hint="git align prune --help")
            return _of_runs(options, older_than=older_than, backups=backups, dry_run=dry_run)
        if older_than is not None or backups:
            raise UserError(
                "--merged cannot be combined with --older-than or --backups",
                hint="they are about old runs: git align prune",
            )
        request = options.request(
            only=tuple(only or ()),
            exclude=tuple(exclude or ()),
            remote=remote,
            overrides=overrides_of(targets=target, push_hooks=push_hooks),
        )
        return _of_branches(options, request, squashed=squashed, dry_run=dry_run)

    leave(carried_out(options, work, acts=True))


def _of_runs(options: Options, *, older_than: int | None, backups: bool, dry_run: bool) -> int:
    from gitalign import facade
    from gitalign.cli import render
    from gitalign.cli.console import console, emit_json
    from gitalign.documents import wire

    request = options.request()
    if not dry_run:
        facade.recover(request)  # before anything is counted
    report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=True)
    if not dry_run:
        if (report.anchors or report.backups or report.runs) and not asked(
            options,
            f"Remove the pins of {len(report.runs)} runs and {len(report.backups)} backup branches? These runs cannot be undone then.",
        ):
            return 1
        report = facade.prune(request, older_than_days=older_than, backups=backups, dry_run=False)
    if options.json:
        emit_json(wire.dump(report))
    else:
        render.show_prune(console(), report)
    return 0


def _of_branches(options: Options, request: Request, *, squashed: bool, dry_run: bool) -> int:
    from gitalign import facade
    from gitalign.cli.console import console
    from gitalign.cli.progress import watching
    from gitalign.cli.publish import written_up
    from gitalign.cli.tables import many
    from gitalign.core.plan import Permit
    from gitalign.engine.runtime.signals import StopSignal, handling_signals

    stop = StopSignal()
    with handling_signals(stop), watching(options, None) as listeners:
        if not dry_run:
            facade.recover(request)
        found = facade.merged_branches(request, listeners=listeners, stop=stop)
    chosen = found.to_delete(squashed=squashed)
    if dry_run or not chosen:
        _show(options, found, squashed=squashed, dry_run=dry_run, on_remote=request.remote is not None)
        return 0
    if not options.json and not options.quiet:
        _show(options, found, squashed=squashed, dry_run=dry_run, on_remote=request.remote is not None)
    where = "" if request.remote is None else f" on {chosen[0].remote}"
    back = "git align undo last" + ("" if request.remote is None else " --push")
    if not asked(options, f"Delete {many(len(chosen), 'branch', 'branches')}{where}? {back} brings them back."):
        return 1
    with handling_signals(stop), watching(options, None) as listeners:
        report = facade.prune_merged(
            request,
            squashed=squashed,
            found=found,
            permit=Permit(plan_id="*", push=request.remote is not None, given_by="--yes" if options.yes else "prompt"),
            listeners=listeners,
            stop=stop,
        )
    assert report is not None
    written_up(options, report)
    if not (options.json or options.quiet):
        push = "" if request.remote is None else " --push"
        console().print(f"[bold]next:[/] git align undo {report.run.id}{push}   brings the deleted branches back")
    return report.exit_code()


def _show(options: Options, found: Merged, *, squashed: bool, dry_run: bool, on_remote: bool) -> None:
    from gitalign.cli.console import console, emit_json
    from gitalign.cli.render_merged import show_merged
    from gitalign.documents import wire

    if options.json:
        chosen = {one.branch for one in found.to_delete(squashed=squashed)}
        entries = [wire.dump(one) | {"would_delete": one.branch in chosen} for one in found.branches]
        emit_json({"merged": entries, "dry_run": dry_run})
    else:
        show_merged(console(), found, squashed=squashed, on_remote=on_remote, everything=options.verbose)
