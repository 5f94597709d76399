"""The tour: a sample repository, a plan, a run, and what to try next."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gitalign.cli.console import Options, console, emit_json
from gitalign.errors import UserError


def tour(options: Options, *, directory: Path | None, branches: int) -> int:
    """Build, plan, run and explain.

    Args:
        directory: must be empty or not exist; a new temporary folder when None.
        branches: about how many branches to make.

    Raises:
        UserError: the folder holds something already.
    """
    from gitalign import facade, wire
    from gitalign.cli import render, render_before, tables
    from gitalign.cli.demo_repository import build
    from gitalign.cli.progress import watching
    from gitalign.core.plan import Permit
    from gitalign.engine.signals import StopSignal, handling_signals

    place = directory if directory is not None else Path(tempfile.mkdtemp(prefix="git-align-demo-")) / "sample"
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(
            f"{place} is not empty; the demo builds in a folder of its own",
            hint="name a new folder: git-align demo --dir FOLDER",
        )
    out = console(stderr=options.json)

    def say(words: str) -> None:
        if not options.quiet:
            out.print(words)

    say(
        f"[bold]1.[/] Building a sample repository of about {branches} branches and 3 targets in {tables.safe(str(place))}"
    )
    build(place, branches=branches)
    request = facade.Request(repo=place)
    say("[bold]2.[/] git align plan")
    plan = facade.plan(request)
    if not options.quiet:
        render_before.show_plan(out, plan, everything=options.verbose)
    say("\n[bold]3.[/] git align run --yes")
    stop = StopSignal()
    with handling_signals(stop), watching(options, plan) as listeners:
        report = facade.run(
            request, plan=plan, permit=Permit(plan_id=plan.id, given_by="demo"), listeners=listeners, stop=stop
        )
    if options.json:
        emit_json({"directory": str(place), **wire.report_document(report)})
    elif not options.quiet:
        render.show_report(out, report, everything=options.verbose)
    say("\n[bold]Try next:[/]")
    for command, why in (
        (f"cd {place}", ""),
        ("git align", "where things stand"),
        ("git align show last conflict/content", "a conflict in full, and how to meet it"),
        ("git align undo last --dry-run", "what undo would put back"),
        ("git align undo last --yes", "put it back, then undo that undo"),
        ("git log --graph --oneline main stack/3-top", "the stack, rewritten once"),
    ):
        say(f"  {tables.safe(command):<46} {why}")
    # Conflicts are part of the sample: the tour is done when the run is.
    return 130 if report.exit_code() == 130 else 0
