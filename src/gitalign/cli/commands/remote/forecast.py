"""The verb `remote forecast`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, said
from gitalign.cli.verb import verb
from gitalign.documents.models.forecasts import ForecastDocument

Pairs = Annotated[bool, option("--pairs", help="Also find out which branches conflict with one another.")]


@verb(paged=True, without=(*WITHOUT, "yes"))
def forecast(*, pairs: Pairs = False, remote: Remote, which: Choice, options: Options) -> int:
    """Find out which branches align, and where others stop. Moves nothing."""
    with remote.connected() as client:
        ended = carried_out(
            options, client, client.forecast(remote.name(client), **which.body(pairs=pairs)), ForecastDocument
        )
    said(options, ended.document)
    return ended.exit_code
