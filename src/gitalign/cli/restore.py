"""The verb `restore`: one branch back to where it was before a run moved it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Json,
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
from gitalign.cli.publish import show_preview, written_up


def restore(
    branch: Annotated[str, typer.Argument(help="Its name.", metavar="BRANCH")],
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run",
            help="The run: its id, the beginning of one, or last.",
            show_default="the newest one that moved the branch and is not undone",
            metavar="RUN",
        ),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Also put it back on the remote, if it was pushed.")] = False,
    push_hooks: PushHooks = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show where it would be put.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Put one branch back to where it was before a run.

    The run moved or deleted it. This can be undone.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli.console import console
        from gitalign.cli.progress import watching
        from gitalign.cli.tables import safe
        from gitalign.core.names import display
        from gitalign.core.plan import Permit
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        request = options.request(overrides=overrides_of(push_hooks=push_hooks))
        preview = facade.restore_preview(request, branch, run_id, push=push)
        if dry_run:
            show_preview(options, preview)
            return 0
        if preview and not asked(options, f"Put {display(branch)} back to {_place(preview[0].update.after)}?"):
            return 1
        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            report = facade.restore(
                request,
                branch,
                run_id,
                push=push,
                permit=Permit(plan_id="*", push=push, given_by="--yes" if yes else "prompt"),
                listeners=listeners,
                stop=stop,
            )
        written_up(options, report)
        if not (options.json or options.quiet):
            console().print(safe(f"next: git align undo {report.run.id}   brings it forward again"), markup=False)
        return report.exit_code()

    leave(carried_out(options, work, acts=True))


def _place(oid: str) -> str:
    return f"where it was ({oid[:12]})"
