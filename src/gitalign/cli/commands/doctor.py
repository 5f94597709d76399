"""The verb `doctor`: check everything that a run depends on."""

from __future__ import annotations

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.status import show_doctor
from gitalign.cli.verb import verb
from gitalign.documents import listings


@verb()
def doctor(options: Options) -> int:
    """Check everything that a run depends on.

    Looks at git, repository, settings, journal, disk, locks and work trees.
    """
    checks = facade.doctor(options.request())
    if options.json:
        emit_json("checks", listings.dump_checks(checks))
    else:
        show_doctor(console(), checks)
    return 3 if any(check.ok is False for check in checks) else 0
