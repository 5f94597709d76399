"""What a verb that moves branches came to, or would: for people, or as one document."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.cli.advice import Typed
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json, emit_report
from gitalign.cli.rendering.moves import show_moves
from gitalign.cli.rendering.report import show_report
from gitalign.core.publication import Publication
from gitalign.core.report import Report
from gitalign.documents import listings


def show_preview(options: Options, publications: Sequence[Publication]) -> None:
    """What would move."""
    if options.json:
        emit_json("moves", listings.dump_moves(publications))
    else:
        show_moves(console(), publications, tense="would move")


def show_outcome(options: Options, report: Report) -> None:
    """What moved."""
    if options.json:
        emit_report(report)
    elif not options.quiet:
        typed = Typed.of(options.request())
        show_report(console(), report, everything=options.verbose, typed=typed, is_new=True)
