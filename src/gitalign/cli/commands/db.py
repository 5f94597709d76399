"""The verbs of the service's database: check, upgrade, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.core.service_database import DatabaseState
from gitalign.documents.service import dump_database

if TYPE_CHECKING:
    from gitalign.store.service.backup import Rows
    from gitalign.store.service.database import ServiceDatabase

NewFile = Annotated[Path, argument(help="Where to write it; compressed when the name ends in .gz.", metavar="FILE")]
OldFile = Annotated[Path, argument(help="A file that backup wrote.", metavar="FILE")]


@verb(without=("repo", "config", "yes"))
def check(which: ServerOptions, options: Options) -> int:
    """Check the database of the service: its tables, its rows, its file, and the audit trail."""
    from gitalign.store.service.checking import checked
    from gitalign.store.service.database import Tables

    with which.database(Tables.ANY) as database:
        state = checked(database)
    if options.json:
        emit_json("service-database", dump_database(state))
    elif state.faults:
        for fault in state.faults:
            console().print(f"[bold red]fault:[/] {fault}", soft_wrap=True, highlight=False)
    elif not options.quiet:
        count = f"{sum(state.rows.values())} rows in {len(state.rows)} tables"
        console().print(f"whole: revision {state.revision}, {count}", soft_wrap=True, highlight=False)
    return 1 if state.faults else 0


@verb(acts=True, without=("repo", "config", "yes"))
def upgrade(which: ServerOptions, options: Options) -> int:
    """Make the tables of the service, or bring them up to date."""
    from gitalign.store.service.database import Tables

    with which.database(Tables.UPGRADED) as database:
        state = _state(database)
    if options.json:
        emit_json("service-database", dump_database(state))
    elif not options.quiet:
        console().print(f"upgraded: revision {state.revision}", soft_wrap=True, highlight=False)
    return 0


@verb(acts=True, without=("repo", "config", "yes"))
def backup(file: NewFile, which: ServerOptions, options: Options) -> int:
    """Write all data of the service to a file, while it goes on working."""
    from gitalign.store.service.backup import back_up
    from gitalign.store.service.database import Tables

    with which.database(Tables.NEWEST) as database:
        state = _state(database, back_up(database, file), file)
    return _said(state, "backed up", options)


@verb(acts=True, without=("repo", "config", "yes"))
def restore(file: OldFile, which: ServerOptions, options: Options) -> int:
    """Bring the data of a backup into an empty database."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.backup import restore as restored
    from gitalign.store.service.database import Tables

    with which.database(Tables.UPGRADED) as database:
        state = _state(database, restored(database, file, actor=ACTOR), file)
    return _said(state, "restored", options)


def _state(database: ServiceDatabase, rows: Rows | None = None, file: Path | None = None) -> DatabaseState:
    from gitalign.store.service.schema import HEAD_REVISION

    with database.reading() as connection:
        revision = database.revision(connection)
    return DatabaseState(
        database.label, revision, HEAD_REVISION, rows=rows or {}, file=None if file is None else str(file.absolute())
    )


def _said(state: DatabaseState, done: str, options: Options) -> int:
    if options.json:
        emit_json("service-database", dump_database(state))
    elif not options.quiet:
        count = f"{sum(state.rows.values())} rows in {len(state.rows)} tables"
        console().print(f"{done}: {count}", soft_wrap=True, highlight=False)
    return 0


db = Group("db", check, upgrade, backup, restore, help="The database of the service.")
