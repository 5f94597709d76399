"""The verbs of recorded resolutions: list, show, learn, hand on, take in, forget. None of them moves a branch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import ConfigFile, Json, Quiet, Repo, Verbose, carried_out, leave
from gitalign.cli.pager import paged

app = typer.Typer(
    help="Learn, list and share resolutions of conflicts.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
)
Id = Annotated[
    str,
    typer.Argument(help="Id of a conflict, the beginning of one, or <id>.<variant>, as list shows it.", metavar="ID"),
]
Again = Annotated[bool, typer.Option("--again", help="Also import what was forgotten here.")]


@app.command("list")
@paged
def list_(
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """List every recorded resolution, and those that cannot be used."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_resolutions
        from gitalign.cli.console import console, emit_json

        found, faults = facade.resolutions(options.request())
        if options.json:
            emit_json({"resolutions": [_document(one) for one in found], "faults": list(faults)})
        else:
            render_resolutions.show_list(console(), found, faults, everything=verbose)
        return 0

    leave(carried_out(options, work))


@app.command()
@paged
def show(
    id: Id,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show a conflict and its recorded resolution."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_resolutions
        from gitalign.cli.console import console, emit_json

        found = facade.resolution(options.request(), id)
        if options.json:
            emit_json({"resolutions": [_document(one) for one in found]})
        else:
            render_resolutions.show_each(console(), found)
        return 0

    leave(carried_out(options, work))


@app.command()
def forget(
    id: Id,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Forget a resolution, and list the branches that used it."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_resolutions
        from gitalign.cli.console import console, emit_json
        from gitalign.documents import wire

        gone, used = facade.forget_resolution(options.request(), id)
        if options.json:
            emit_json({"forgotten": [one.conflict for one in gone], "used_by": [wire.dump(one) for one in used]})
        elif not options.quiet:
            render_resolutions.show_forgotten(console(), gone, used)
        return 0

    leave(carried_out(options, work))


@app.command()
def learn(
    again: Annotated[bool, typer.Option("--again", help="Also look at history that was looked at before.")] = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Record how people resolved the conflicts in past merges."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_resolutions
        from gitalign.cli.console import console, emit_json
        from gitalign.engine.runtime.signals import StopSignal, handling_signals

        stop = StopSignal()
        with handling_signals(stop):
            lessons, recorded = facade.learn_resolutions(
                options.request(), again=again, is_stopped=lambda: stop.stop_requested
            )
        if options.json:
            names = ("merges", "conflicting", "unreadable", "files", "unsettled", "changed_elsewhere", "unusable")
            emit_json({**{name: getattr(lessons, name) for name in names}, **_recorded(recorded)})
        elif not options.quiet:
            render_resolutions.show_lessons(console(), lessons, recorded)
        return 130 if stop.stop_requested else 0

    leave(carried_out(options, work))


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="Where to write it.", metavar="FILE")],
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write every usable resolution to a file (tar archive of an rr-cache)."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli.console import console, emit_json, require_writable
        from gitalign.cli.tables import many, safe

        require_writable(file)
        count = facade.export_resolutions(options.request(), file)
        if options.json:
            emit_json({"exported": count})
        elif not options.quiet:
            console().print(f"written: {many(count, 'resolution', 'resolutions')} in {safe(str(file))}")
        return 0

    leave(carried_out(options, work))


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A file that export wrote; with --ref a ref.", metavar="FILE|REF")],
    ref: Annotated[bool, typer.Option("--ref", help="Take them from a ref that was fetched.")] = False,
    again: Again = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Import resolutions of others.

    Where two of them disagree, neither is applied until one is forgotten.
    """
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_resolutions
        from gitalign.cli.console import console, emit_json

        recorded, faults = facade.import_resolutions(options.request(), source, is_ref=ref, again=again)
        if options.json:
            emit_json({**_recorded(recorded), "faults": list(faults)})
        elif not options.quiet:
            render_resolutions.show_recorded(console(), recorded, faults)
        return 1 if faults or recorded.refused else 0

    leave(carried_out(options, work))


def _document(one: Any) -> dict[str, Any]:
    from gitalign.cli.render_resolutions import as_text
    from gitalign.documents import wire

    return {
        "name": one.name,
        "conflict": one.conflict,
        "origin": wire.dump(one.origin),
        "in_rr_cache": one.in_rr_cache,
        "disputed": one.disputed,
        "fault": one.fault,
        **({"preimage": as_text(one.preimage)} if one.preimage is not None else {}),
        **({"postimage": as_text(one.postimage)} if one.postimage is not None else {}),
    }


def _recorded(recorded: Any) -> dict[str, Any]:
    return {
        "added": [one.conflict for one in recorded.added],
        "known": recorded.known,
        "withheld": recorded.withheld,
        "refused": [{"conflict": conflict, "reason": reason} for conflict, reason in recorded.refused],
    }
