"""The verb `verify`: prove again that a run lost nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.proofs import show_proofs
from gitalign.cli.verb import verb
from gitalign.documents import listings

Run = Annotated[str, argument(metavar="[RUN]", help="Id, beginning of one, or last.")]
Branch = Annotated[str | None, argument(metavar="[BRANCH]", help="Only this one.")]
CertificatesFile = Annotated[
    Path | None,
    option("--certificates", help="A file of certificates instead of the run's own.", metavar="FILE"),
]


@verb(paged=True)
def verify(
    *, run_id: Run = "last", branch: Branch = None, certificates: CertificatesFile = None, options: Options
) -> int:
    """Prove again that a run lost nothing. Changes nothing."""
    proofs = facade.verify(options.request(), run_id, branch=branch, certificates=certificates)
    if options.json:
        emit_json("proofs", listings.dump_proofs(proofs))
    elif not options.quiet:
        show_proofs(console(), proofs, everything=options.verbose or branch is not None)
    return 0 if all(proof.holds for proof in proofs) else 1
