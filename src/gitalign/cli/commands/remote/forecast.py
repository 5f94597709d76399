"""The verb `remote forecast`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli import advice
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.forecast import show_forecast
from gitalign.cli.verb import verb
from gitalign.documents.forecasts import load_forecast
from gitalign.documents.models.forecasts import ForecastDocument

Pairs = Annotated[bool, option("--pairs", help="Also find out which branches conflict with one another.")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def forecast(*, pairs: Pairs = False, remote: Remote, which: Choice, options: Options) -> int:
    """Find out which branches align, and where others stop. Moves nothing."""
    with remote.connected() as client:
        name = remote.name(client)
        ended = carried_out(options, client, client.forecast(name, **which.body(pairs=pairs)), ForecastDocument)

    def show() -> None:
        result, typed = load_forecast(ended.document), remote.typed(name, which)
        show_forecast(console(), result, everything=options.verbose, typed=typed)
        advice.show(console(), advice.after_forecast(result, None, typed))

    said(options, ended.document, show)
    return ended.exit_code
