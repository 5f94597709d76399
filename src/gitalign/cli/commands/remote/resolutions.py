"""The verbs of `remote resolutions`: list, show, learn, export, import, forget. None of them moves a branch."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.rendering import resolutions as rendering
from gitalign.cli.rendering.console import console, require_writable, write_whole
from gitalign.cli.rendering.tables import many, safe
from gitalign.cli.verb import Group, verb
from gitalign.documents.models.listings import (
    ExportedResolutionsDocument,
    ForgottenResolutionsDocument,
    ImportedResolutionsDocument,
    KnownResolutionsDocument,
    LearnedResolutionsDocument,
)
from gitalign.input_file import read_bounded

Id = Annotated[
    str,
    argument(help="Id of a conflict, the beginning of one, or <id>.<variant>, as list shows it.", metavar="ID"),
]
Again = Annotated[bool, option("--again", help="Also import what was forgotten there.")]
LookAgain = Annotated[bool, option("--again", help="Also look at history that was looked at before.")]
File = Annotated[Path, argument(help="Where to write it.", metavar="FILE")]
Source = Annotated[str, argument(help="A file that export wrote; with --ref a ref there.", metavar="FILE|REF")]
Ref = Annotated[bool, option("--ref", help="Take them from a ref that was fetched there.")]
_WITHOUT = (*WITHOUT, "yes")
_LARGEST_BYTES = 48 * 1024 * 1024
"""In base64 it is what a request may hold."""


@verb("list", paged=True, without=_WITHOUT)
def list_(*, remote: Remote, options: Options) -> int:
    """List every recorded resolution, and those that cannot be used."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.resolutions(name), KnownResolutionsDocument)
    typed = remote.typed(name)
    said(
        options,
        ended.document,
        lambda: rendering.show_list(console(), ended.document, everything=options.verbose, typed=typed),
    )
    return 0


@verb(paged=True, without=_WITHOUT)
def show(id: Id, *, remote: Remote, options: Options) -> int:
    """Show a conflict and its recorded resolution."""
    with remote.connected() as client:
        ended = carried_out(options, client, client.resolution(remote.name(client), id), KnownResolutionsDocument)
    said(options, ended.document, lambda: rendering.show_each(console(), ended.document["resolutions"]))
    return 0


@verb(without=_WITHOUT)
def forget(id: Id, *, remote: Remote, options: Options) -> int:
    """Forget a resolution, and list the branches that used it."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.forget_resolution(name, id), ForgottenResolutionsDocument)
    said(options, ended.document, lambda: rendering.show_forgotten(console(), ended.document, typed=remote.typed(name)))
    return 0


@verb(without=_WITHOUT)
def learn(*, again: LookAgain = False, remote: Remote, options: Options) -> int:
    """Record how people resolved the conflicts in past merges."""
    with remote.connected() as client:
        job = client.learn_resolutions(remote.name(client), again=again)
        ended = carried_out(options, client, job, LearnedResolutionsDocument)
    said(options, ended.document, lambda: rendering.show_lessons(console(), ended.document))
    return ended.exit_code


@verb("export", without=_WITHOUT)
def export_(file: File, *, remote: Remote, options: Options) -> int:
    """Write every usable resolution to a file here (tar archive of an rr-cache)."""
    require_writable(file)
    with remote.connected() as client:
        job = client.export_resolutions(remote.name(client))
        document = carried_out(options, client, job, ExportedResolutionsDocument).document
    write_whole(file, base64.b64decode(document.pop("archive", "")))
    count = many(document["exported"], "resolution", "resolutions")
    said(options, document, lambda: console().print(f"written: {count} in {safe(str(file))}"))
    return 0


@verb("import", without=_WITHOUT)
def import_(*, source: Source, ref: Ref = False, again: Again = False, remote: Remote, options: Options) -> int:
    """Import resolutions of others.

    Where two of them disagree, neither is applied until one is forgotten.
    """
    archive = None if ref else base64.b64encode(read_bounded(Path(source), most_bytes=_LARGEST_BYTES)).decode("ascii")
    with remote.connected() as client:
        name = remote.name(client)
        if archive is None:
            job = client.import_resolutions(name, ref=source, again=again)
        else:
            job = client.import_resolutions(name, archive=archive, again=again)
        ended = carried_out(options, client, job, ImportedResolutionsDocument)
    document = ended.document
    said(options, document, lambda: rendering.show_recorded(console(), document, document["faults"]))
    return ended.exit_code


resolutions = Group(
    "resolutions", list_, show, forget, learn, export_, import_, help="Learn, list and share resolutions of conflicts."
)
