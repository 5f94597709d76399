"""The verb `audit verify`: whether the audit trail of the service is whole."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.documents.service import dump_audit_check

Head = Annotated[
    str | None, option("--head", help="A head that was noted earlier; it must be in the trail.", metavar="HASH")
]


@verb(without=("repo", "config", "yes"))
def verify(*, head: Head = None, which: ServerOptions, options: Options) -> int:
    """Verify the audit trail: no entry was changed or removed."""
    from gitalign.store.service.audit import AuditTrail

    with which.database() as database:
        check = AuditTrail(database).verify(head=head)
    if options.json:
        emit_json("audit-check", dump_audit_check(check))
    elif check.fault:
        console().print(f"[bold red]not whole:[/] {check.fault}", soft_wrap=True)
    elif not options.quiet:
        console().print(f"whole: {check.entries} entries, head {check.head}", soft_wrap=True, highlight=False)
    return 1 if check.fault else 0


audit = Group("audit", verify, help="The audit trail of the service.")
