"""The verb `report`: a run, written up for people or for CI."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click

from gitalign import facade
from gitalign.cli.advice import Typed
from gitalign.cli.options import Furthest, Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, require_writable, write_whole
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.report import show_report
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.errors import UserError

Run = Annotated[str, argument(metavar="[RUN]", help="Id, beginning of one, or last.")]


class Form(StrEnum):
    """What `report` prints."""

    TEXT = "text"
    MD = "md"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Options of this verb alone."""

    form: Annotated[
        Form,
        option(
            "--format",
            help="text, md, json, html, junit or sarif.",
        ),
    ] = Form.TEXT
    output: Annotated[
        Path | None, option("--output", "-o", help="Where to write it instead of printing it.", metavar="FILE")
    ] = None
    summaries: Annotated[
        Path | None,
        option("--summaries", help="Also write a change summary of every branch there.", metavar="DIR"),
    ] = None
    furthest: Furthest = False


@verb(paged=True)
def report(*, run_id: Run = "last", own: Writing, options: Options) -> int:
    """Write a report of a run, for people or for CI. Changes nothing."""
    form = Form.JSON if options.json else own.form
    if own.output is not None:
        require_writable(own.output)
        if form is Form.TEXT:
            raise UserError("text is for the terminal", hint="choose --format md, json, html, junit or sarif")
    request = options.request()
    written = facade.write_summaries(request, run_id, folder=own.summaries) if own.summaries else ()
    if form is Form.TEXT:
        _show(options, run_id, own)
    else:
        _write(options, run_id, form, own)
    # Nothing may be mixed into a document on standard output.
    if own.summaries and not options.quiet and (own.output is not None or form is Form.TEXT):
        console().print(f"written: {len(written)} summaries in {safe(str(own.summaries))}")
    return 0


def _show(options: Options, run_id: str, own: Writing) -> None:
    request = options.request()
    with followed(options) as (listeners, stop):
        result = facade.show(request, run_id, furthest=_source(own), listeners=listeners, stop=stop)
    show_report(console(), result, everything=options.verbose, typed=Typed.of(request))


def _write(options: Options, run_id: str, form: Form, own: Writing) -> None:
    with followed(options) as (listeners, stop):
        text = facade.write_up(
            options.request(),
            run_id,
            form=facade.ReportFormat(form.value),
            furthest=_source(own),
            listeners=listeners,
            stop=stop,
        )
    if own.output is None:
        click.echo(text.encode("utf-8", "replace"), nl=False)
        return
    write_whole(own.output, text)
    if not options.quiet:
        console().print(f"written: {safe(str(own.output))}")


def _source(own: Writing) -> facade.AlignablePointSource:
    return facade.AlignablePointSource.GIT if own.furthest else facade.AlignablePointSource.MEMORY
