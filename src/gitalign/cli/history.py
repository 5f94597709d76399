"""The verbs that show what was run: runs, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import ConfigFile, Json, Quiet, Repo, RunId, Verbose, Yes, carried_out, leave


def runs(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """List every run, newest first."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.documents import wire

        found = facade.runs(options.request())
        if options.json:
            emit_json({"runs": [wire.dump(record) for record in found]})
        else:
            render.show_runs(console(), found, everything=verbose)
        return 0

    leave(carried_out(options, work))


def show(
    run_id: RunId = "last",
    branch: Annotated[str | None, typer.Argument(help="Show this branch in full.", metavar="BRANCH")] = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show the result of a run, or one of its branches in full."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render, render_branch
        from gitalign.cli.advice import Typed
        from gitalign.cli.console import console, emit_json, emit_report
        from gitalign.documents import wire
        from gitalign.engine.runtime.signals import StopSignal, handling_signals
        from gitalign.errors import UserError

        if branch is None:
            report = facade.show(options.request(), run_id, furthest=facade.AlignablePointSource.MEMORY)
        else:
            stop = StopSignal()
            with handling_signals(stop):
                report = facade.show(
                    options.request(), run_id, furthest=facade.AlignablePointSource.GIT, branches=(branch,), stop=stop
                )
        if branch is None:
            if options.json:
                emit_report(report)
            else:
                render.show_report(console(), report, everything=verbose, typed=Typed.of(options.request()))
            return 0
        found = next((one for one in report.branches() if one.step.branch.name == branch), None)
        if found is None:
            left_out = next((one.reason for one in report.plan.excluded if one.branch == branch), None)
            raise UserError(
                f"{branch} was left out of run {report.run.id}: {left_out}"
                if left_out
                else f"run {report.run.id} has no branch {branch!r}",
                hint=f"git align show {report.run.id} -v",
            )
        if options.json:
            emit_json(next(entry for entry in wire.report_document(report)["branches"] if entry["branch"] == branch))
        else:
            render_branch.show_branch(console(), report, found)
        return 0

    leave(carried_out(options, work))
