"""The verb `worker`: carries out jobs of a service that runs elsewhere."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.server_options import ServerOptions, require_service
from gitalign.cli.verb import verb

Threads = Annotated[int, option("--workers", help="Jobs at once.", metavar="NUMBER", bounds=(1, 64))]


@verb(acts=True, without=("repo", "config", "json", "yes", "quiet"))
def worker(*, options: Options, which: ServerOptions, threads: Threads = 1) -> int:
    """Carry out jobs of the service, without serving it."""
    require_service()
    from gitalign.service.serving import work
    from gitalign.telemetry import configure_logging

    configure_logging("DEBUG" if options.verbose else "INFO")
    work(which.settings(), threads=threads)
    return 0
