"""The verb `paths release`."""

from __future__ import annotations

from typing import Annotated

from gitalign import facade
from gitalign.cli.commands.paths.claim import Holder
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import many
from gitalign.cli.verb import verb
from gitalign.documents.paths import dump_path_claims

ClaimId = Annotated[str | None, argument(help="One claim; all of the holder without it.", metavar="[ID]")]


@verb(acts=True, without=("yes",))
def release(*, claim_id: ClaimId = None, holder: Holder = "", options: Options) -> int:
    """Give claimed paths back."""
    request = options.request()
    released = facade.release_paths(request, holder=holder, claim_id=claim_id)
    if options.json:
        emit_json("path-claims", dump_path_claims(facade.path_claims(request), released=released))
    elif not options.quiet:
        console().print(f"{many(released, 'claim', 'claims')} given back")
    return 0
