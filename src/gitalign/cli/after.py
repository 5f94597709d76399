"""Verbs for what comes after a run: resume, report, verify, doctor; and the demo."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import (
    ConfigFile,
    Furthest,
    Json,
    Quiet,
    Repo,
    Verbose,
    Yes,
    carried_out,
    leave,
)


def resume(
    take_over: Annotated[
        str | None,
        typer.Option(
            "--take-over",
            help="Recover this run although its process may be alive: its machine is gone, or files cannot be locked here.",
            metavar="RUN",
        ),
    ] = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Continue stopped runs, and clean up after killed ones.

    A run that was cut off while it published is finished or rolled back, branch by branch.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render
        from gitalign.cli.advice import Typed
        from gitalign.cli.console import console, emit_json
        from gitalign.cli.progress import watching
        from gitalign.core.run import UNFINISHED
        from gitalign.documents import wire
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            reports = facade.resume(options.request(), take_over=take_over, listeners=listeners, stop=stop)
        if options.json:
            emit_json({"reports": [wire.report_document(report) for report in reports]})
        elif not reports:
            for one in facade.runs(options.request()):
                if one.state in UNFINISHED:
                    render.show_under_way(console(), one)
            console().print("nothing to resume")
        else:
            for report in reports:
                render.show_report(
                    console(), report, everything=verbose, typed=Typed.of(options.request()), is_new=True
                )
        return max((report.exit_code() for report in reports), default=0)

    leave(carried_out(options, work, acts=True))


class Form(StrEnum):
    """What `report` prints."""

    TEXT = "text"
    MD = "md"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"


def report(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id, beginning of one, or last.")] = "last",
    form: Annotated[
        Form, typer.Option("--format", help="text, md, json, html, junit or sarif.", show_default=True)
    ] = Form.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it instead of printing it.", metavar="FILE")
    ] = None,
    summaries: Annotated[
        Path | None,
        typer.Option("--summaries", help="Also write a change summary of every branch there.", metavar="DIR"),
    ] = None,
    furthest: Furthest = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write a report of a run, for people or for CI. Changes nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render, tables
        from gitalign.cli.advice import Typed
        from gitalign.cli.console import console, require_writable, write_whole
        from gitalign.cli.progress import watching
        from gitalign.engine.runtime.signals import StopSignal, handling_signals
        from gitalign.errors import UserError

        chosen = Form.JSON if json else form
        if output is not None:
            require_writable(output)
            if chosen is Form.TEXT:
                raise UserError("text is for the terminal", hint="choose --format md, json, html, junit or sarif")
        written = facade.write_summaries(options.request(), run_id, folder=summaries) if summaries else ()
        source = facade.AlignablePointSource.GIT if furthest else facade.AlignablePointSource.MEMORY
        stop = StopSignal()
        with handling_signals(stop), watching(options, None) as listeners:
            if chosen is Form.TEXT:
                found = facade.show(options.request(), run_id, furthest=source, listeners=listeners, stop=stop)
            else:
                made = facade.write_up(
                    options.request(),
                    run_id,
                    form=facade.ReportFormat(chosen.value),
                    furthest=source,
                    listeners=listeners,
                    stop=stop,
                )
        if chosen is Form.TEXT:
            render.show_report(console(), found, everything=verbose, typed=Typed.of(options.request()))
        else:
            if output is not None:
                write_whole(output, made)
                if not quiet:
                    console().print(f"written: {tables.safe(str(output))}")
            else:
                typer.echo(made.encode("utf-8", "replace"), nl=False)
        # Nothing may be mixed into a document on standard output.
        if summaries and not quiet and (output is not None or chosen is Form.TEXT):
            console().print(f"written: {len(written)} summaries in {tables.safe(str(summaries))}")
        return 0

    leave(carried_out(options, work))


def verify(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id, beginning of one, or last.")] = "last",
    branch: Annotated[str | None, typer.Argument(metavar="[BRANCH]", help="Only this one.")] = None,
    certificates: Annotated[
        Path | None,
        typer.Option("--certificates", help="A file of certificates instead of the run's own.", metavar="FILE"),
    ] = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Prove again that a run lost nothing. Changes nothing."""
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.documents import wire

        proofs = facade.verify(options.request(), run_id, branch=branch, certificates=certificates)
        if options.json:
            emit_json({"proofs": [wire.dump(proof) | {"holds": proof.holds} for proof in proofs]})
        elif not options.quiet:
            render.show_proofs(console(), proofs, everything=verbose or branch is not None)
        return 0 if all(proof.holds for proof in proofs) else 1

    leave(carried_out(options, work))


def doctor(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check everything that a run depends on.

    Looks at git, repository, settings, journal, disk, locks and work trees.
    """
    options = Options(repo=repo, config=config, json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render
        from gitalign.cli.console import console, emit_json
        from gitalign.documents import wire

        found = facade.doctor(options.request())
        if options.json:
            emit_json({"checks": [wire.dump(one) for one in found]})
        else:
            render.show_doctor(console(), found)
        return 3 if any(one.ok is False for one in found) else 0

    leave(carried_out(options, work))


def demo(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="A new folder for all of the demo.", show_default="a new temporary folder", metavar="DIR"
        ),
    ] = None,
    branches: Annotated[int, typer.Option("--branches", help="About how many branches.", min=20, max=5000)] = 40,
    json: Json = False,
    yes: Yes = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Build a sample repository and align it."""
    options = Options(json=json, yes=yes, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign.cli.demo import tour

        return tour(options, directory=directory, branches=branches)

    leave(carried_out(options, work, acts=True))


def version() -> None:
    """Print the version."""
    from gitalign import __version__

    typer.echo(f"git-align {__version__}")
