"""The verbs of recorded resolutions: list, show, learn, export, import, forget. None of them moves a branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering import resolutions as rendering
from gitalign.cli.rendering.console import console, emit_json, require_writable
from gitalign.cli.rendering.tables import many, safe
from gitalign.cli.verb import Group, verb
from gitalign.engine.runtime.signals import StopSignal, handling_signals

if TYPE_CHECKING:
    from gitalign.documents.models.listings import KnownResolutionsDocument

Id = Annotated[
    str,
    argument(help="Id of a conflict, the beginning of one, or <id>.<variant>, as list shows it.", metavar="ID"),
]
Again = Annotated[bool, option("--again", help="Also import what was forgotten here.")]
LookAgain = Annotated[bool, option("--again", help="Also look at history that was looked at before.")]
File = Annotated[Path, argument(help="Where to write it.", metavar="FILE")]
Source = Annotated[str, argument(help="A file that export wrote; with --ref a ref.", metavar="FILE|REF")]
Ref = Annotated[bool, option("--ref", help="Take them from a ref that was fetched.")]


@verb("list", paged=True, without=("yes",))
def list_(options: Options) -> int:
    """List every recorded resolution, and those that cannot be used."""
    known, faults = facade.resolutions(options.request())
    document: KnownResolutionsDocument = {
        "resolutions": [facade.known_resolution_content(one) for one in known],
        "faults": list(faults),
    }
    if options.json:
        emit_json("known-resolutions", document)
    else:
        rendering.show_list(console(), document, everything=options.verbose)
    return 0


@verb(paged=True, without=("yes",))
def show(id: Id, options: Options) -> int:
    """Show a conflict and its recorded resolution."""
    rows = [facade.known_resolution_content(one) for one in facade.resolution(options.request(), id)]
    if options.json:
        emit_json("known-resolutions", {"resolutions": rows})
    else:
        rendering.show_each(console(), rows)
    return 0


@verb(acts=True, without=("yes",))
def forget(id: Id, options: Options) -> int:
    """Forget a resolution, and list the branches that used it."""
    gone, used = facade.forget_resolution(options.request(), id)
    document = facade.forgotten_content(gone, used)
    if options.json:
        emit_json("forgotten-resolutions", document)
    elif not options.quiet:
        rendering.show_forgotten(console(), document)
    return 0


@verb(acts=True, without=("yes",))
def learn(*, again: LookAgain = False, options: Options) -> int:
    """Record how people resolved the conflicts in past merges."""
    stop = StopSignal()
    with handling_signals(stop):
        lessons, recorded = facade.learn_resolutions(options.request(), again=again, stop=stop)
    document = facade.learned_content(lessons, recorded)
    if options.json:
        emit_json("learned-resolutions", document)
    elif not options.quiet:
        rendering.show_lessons(console(), document)
    return 130 if stop.stop_requested else 0


@verb("export", without=("yes",))
def export_(file: File, options: Options) -> int:
    """Write every usable resolution to a file (tar archive of an rr-cache)."""
    require_writable(file)
    count = facade.export_resolutions(options.request(), file)
    if options.json:
        emit_json("exported-resolutions", {"exported": count})
    elif not options.quiet:
        console().print(f"written: {many(count, 'resolution', 'resolutions')} in {safe(str(file))}")
    return 0


@verb("import", acts=True, without=("yes",))
def import_(*, source: Source, ref: Ref = False, again: Again = False, options: Options) -> int:
    """Import resolutions of others.

    Where two of them disagree, neither is applied until one is forgotten.
    """
    recorded, faults = facade.import_resolutions(options.request(), source, is_ref=ref, again=again)
    if options.json:
        emit_json("imported-resolutions", {**facade.recorded_content(recorded), "faults": list(faults)})
    elif not options.quiet:
        rendering.show_recorded(console(), facade.recorded_content(recorded), faults)
    return 1 if faults or recorded.refused else 0


resolutions = Group(
    "resolutions", list_, show, forget, learn, export_, import_, help="Learn, list and share resolutions of conflicts."
)
