"""The journal of one repository: every family of tables together, in a database of either kind.

Every method is one transaction and is on disk when it returns. Thread-safe: one connection behind one lock; nothing here
is the bottleneck of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from gitalign.store import schema
from gitalign.store.batch_runs import SqlBatchRuns
from gitalign.store.cache import SqlCache
from gitalign.store.claims import SqlClaims
from gitalign.store.database import opened
from gitalign.store.dialect import Dialect, translated
from gitalign.store.moves import SqlMoves
from gitalign.store.path_claims import SqlPathClaims
from gitalign.store.results import SqlEvents, SqlResults
from gitalign.store.runs import SqlRuns
from gitalign.store.sessions import SqlSessions
from gitalign.store.sqlite import Sqlite

THIS = "this"
"""The repository of a database that lies in its git directory."""


class SqlJournal(
    SqlRuns, SqlEvents, SqlResults, SqlMoves, SqlClaims, SqlSessions, SqlPathClaims, SqlCache, SqlBatchRuns
):
    """See `ports.Journal`, which says what every method promises."""


def open_journal(path: Path) -> SqlJournal:
    """Open the journal in a git directory, made or brought up to date when needed.

    Raises:
        StoreError: not a database, of a newer version, not writable, or locked for too long.
    """
    return connect_journal(Sqlite(path), repository=THIS)


def _moves(_: str) -> None:
    """A repository may be anywhere."""


def connect_journal(
    dialect: Dialect, *, repository: str, place: str = "", moved_from: Callable[[str], None] = _moves
) -> SqlJournal:
    """Open the journal of a repository in any database.

    Args:
        dialect: the database.
        repository: id of the repository, the same wherever it is moved to.
        place: where it is now.
        moved_from: called with where it was before, when it is elsewhere now; raises what keeps it from being opened.

    Raises:
        StoreError: see `open_journal`; or the database cannot be reached.
    """
    engine = opened(dialect)
    with translated(dialect):
        with engine.connect() as connection:
            number = _number_of(connection, repository)
            if number is None:
                number = _enrolled(connection, dialect, repository)
            _note_place(connection, number, place, moved_from)
        return SqlJournal(engine, dialect, number)


def _number_of(connection: Connection, repository: str) -> int | None:
    table = schema.repositories
    return connection.execute(select(table.c.number).where(table.c.id == repository)).scalar()


def _note_place(connection: Connection, number: int, place: str, moved_from: Callable[[str], None]) -> None:
    table = schema.repositories
    before = connection.execute(select(table.c.place).where(table.c.number == number)).scalar_one()
    if before == place:
        return
    if before:
        moved_from(before)
    connection.execute(update(table).where(table.c.number == number).values(place=place))


def _enrolled(connection: Connection, dialect: Dialect, repository: str) -> int:
    dialect.lock_schema(connection)  # one at a time
    try:
        number = _number_of(connection, repository)
        if number is None:
            row = insert(schema.repositories).values(id=repository)
            number = int(connection.execute(row.returning(schema.repositories.c.number)).scalar_one())
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
    return number
