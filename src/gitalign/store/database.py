"""Opening a database: made or brought up to date when needed."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from gitalign.errors import StoreError
from gitalign.store import schema
from gitalign.store.dialect import Dialect, translated
from gitalign.store.sqlite import Sqlite


def open_database(path: Path) -> Engine:
    """The SQLite database at a path.

    Raises:
        StoreError: not a database, of a newer version, not writable, or locked for too long.
    """
    return opened(Sqlite(path))


def opened(dialect: Dialect) -> Engine:
    """A database with the newest tables.

    Raises:
        StoreError: see `open_database`; or it cannot be reached.
    """
    engine = dialect.engine()
    with translated(dialect):
        _bring_up_to_date(engine, dialect)
        return engine


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _bring_up_to_date(engine: Engine, dialect: Dialect) -> None:
    with engine.connect() as connection:
        revision = _revision(connection)
        if revision == schema.HEAD_REVISION:
            return
        if revision is not None and revision > schema.HEAD_REVISION:
            raise StoreError(
                f"{dialect.label} was written by a newer git-align (revision {revision})",
                hint="pip install --upgrade git-align",
            )
        # Two processes may come here at once; the second one waits and finds the work done.
        dialect.lock_schema(connection)
        try:
            _make_or_migrate(connection, dialect)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


def _make_or_migrate(connection: Connection, dialect: Dialect) -> None:
    revision = _revision(connection)
    if revision == schema.HEAD_REVISION:
        return
    if inspect(connection).has_table("alembic_version"):
        dialect.require_idle(connection)
        _migrate(connection)
    elif not schema.metadata.tables.keys().isdisjoint(inspect(connection).get_table_names()):
        raise StoreError(f"{dialect.label} holds tables that git-align did not make", hint="name another database")
    else:
        dialect.make_tables(connection)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
