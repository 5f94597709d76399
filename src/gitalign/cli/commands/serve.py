"""The verb `serve`: the service for a team."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import safe
from gitalign.cli.server_options import ServerOptions, require_service
from gitalign.cli.verb import verb

if TYPE_CHECKING:
    from gitalign.service.settings import ServerSettings


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Options of this verb alone."""

    demo: Annotated[bool, option("--demo", help="Serve a sample repository, and print a link that signs in.")] = False
    directory: Annotated[
        Path | None,
        option("--dir", help="A folder for the demo.", shown_default="a new temporary folder", metavar="DIR"),
    ] = None
    port: Annotated[
        int | None,
        option("--port", help="Listen on this port.", shown_default="8484", metavar="NUMBER", bounds=(0, 65_535)),
    ] = None


@verb(acts=True, without=("repo", "config", "json", "yes", "quiet"))
def serve(options: Options, which: ServerOptions, own: Serving) -> int:
    """Serve the API and pages for a team, and carry out jobs."""
    require_service()
    from gitalign.service.serving import serve as serve_until_stopped
    from gitalign.service.settings import settings_of
    from gitalign.telemetry import configure_logging

    settings = which.settings()
    changes: dict[str, Any] = settings.model_dump()
    if own.port is not None:
        changes["server"]["port"] = own.port
    folder = _demo_folder(own) if own.demo else None
    if folder is not None:
        changes["database"] = {"file": folder / "service.db"}
    settings = settings_of(changes, whole="settings of the service")
    configure_logging("DEBUG" if options.verbose else "INFO")
    if folder is not None:
        _prepare(settings, folder)

    def announce(address: str) -> None:
        console().print(f"listening on {address}; Ctrl-C ends it", soft_wrap=True)
        if folder is not None:
            console().print(f"sign in, once: {_link(settings, address)}", soft_wrap=True)

    serve_until_stopped(settings, announce=announce)
    return 0


def _demo_folder(own: Serving) -> Path:
    import tempfile

    folder = own.directory or Path(tempfile.mkdtemp(prefix="git-align-service-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def _prepare(settings: ServerSettings, folder: Path) -> None:
    """The sample repository, registered and planned; a second start with the same folder goes on with it."""
    from contextlib import closing

    from gitalign.cli.demo.repository import build
    from gitalign.core.jobs import JobKind
    from gitalign.service.administration import ACTOR, ask
    from gitalign.store.service.repositories import Repositories

    with closing(settings.open_database()) as database:
        if Repositories(database).all():
            return
        places = build(folder / "repositories", branches=40)
        Repositories(database).add("sample", str(places.clone), actor=ACTOR)
        for kind in (JobKind.PLAN, JobKind.FORECAST, JobKind.CONFLICTS):
            ask(database, settings, "sample", kind)
    console().print(f"the demo is in {safe(str(folder))}", soft_wrap=True)


def _link(settings: ServerSettings, address: str) -> str:
    from contextlib import closing

    from gitalign.core.accounts import Role
    from gitalign.service.administration import new_token, sign_in_link

    with closing(settings.open_database()) as database:
        token, _ = new_token(database, "demo", role=Role.ADMIN, days=1)
        return sign_in_link(database, token, address=address)
