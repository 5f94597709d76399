"""The verb `remote doctor`."""

from __future__ import annotations

from gitalign.cli.options import Options
from gitalign.cli.remote import WITHOUT, Remote, carried_out, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.status import show_doctor
from gitalign.cli.verb import verb
from gitalign.core.diagnosis import Diagnosis
from gitalign.documents.models.listings import ChecksDocument


@verb(without=(*WITHOUT, "yes"))
def doctor(*, remote: Remote, options: Options) -> int:
    """Check everything that a run depends on, where the repository is."""
    with remote.connected() as client:
        ended = carried_out(options, client, client.doctor(remote.name(client)), ChecksDocument)
    checks = [Diagnosis(**one) for one in ended.document["checks"]]
    said(options, ended.document, lambda: show_doctor(console(), checks))
    return ended.exit_code
