"""The verb `resume`: continue stopped runs, and clean up after killed ones."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.advice import Typed
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.report import show_report
from gitalign.cli.rendering.runs import show_under_way
from gitalign.cli.verb import verb
from gitalign.core.run import UNFINISHED
from gitalign.documents import listings

TakeOver = Annotated[
    str | None,
    option(
        "--take-over",
        help="Recover this run although its process may be alive: its machine is gone, or files cannot be locked here.",
        metavar="RUN",
    ),
]


@verb(acts=True)
def resume(*, take_over: TakeOver = None, options: Options) -> int:
    """Continue stopped runs, and clean up after killed ones.

    A run that was cut off while it published is finished or rolled back, branch by branch.
    """
    request = options.request()
    with followed(options) as (listeners, stop):
        reports = facade.resume(request, take_over=take_over, listeners=listeners, stop=stop)
    if options.json:
        emit_json("reports", listings.dump_reports(reports))
    elif not options.quiet and not reports:
        for record in facade.runs(request, states=UNFINISHED):
            show_under_way(console(), record)
        console().print("nothing to resume")
    elif not options.quiet:
        for report in reports:
            show_report(console(), report, everything=options.verbose, typed=Typed.of(request), is_new=True)
    return max((report.exit_code() for report in reports), default=0)
