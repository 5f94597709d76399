"""Opening the database of the service, and its transactions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from gitalign.errors import StoreError
from gitalign.shared_files import make_folder
from gitalign.store.dialect import Dialect, translated
from gitalign.store.postgres import Postgres
from gitalign.store.service.schema import HEAD_REVISION, VERSION_TABLE
from gitalign.store.sqlite import Sqlite


class ServiceDatabase:
    """An open database. Used from several threads at once; each transaction has a connection of its own.

    Args:
        engine: the database.
        dialect: says what kind it is.
    """

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self._dialect = dialect

    @property
    def label(self) -> str:
        """The database in messages; never a secret."""
        return self._dialect.label

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection; each statement sees what was committed before it.

        Raises:
            StoreError
        """
        with translated(self._dialect), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it counts when the block ends, or nothing when it raises.

        Raises:
            StoreError
        """
        with self.reading() as connection:
            connection.exec_driver_sql(self._dialect.write)
            try:
                yield connection
            except BaseException:
                if not connection.invalidated:
                    with suppress(DBAPIError):
                        connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")


def open_service_database(
    *, file: Path | None = None, url: str | None = None, password_file: Path | None = None
) -> ServiceDatabase:
    """The database in a file, or at an address of PostgreSQL, with the newest tables.

    Args:
        file: of SQLite; made when it is not there, for its owner alone: it holds sessions.
        url: see `server_url`; wins over `file`.
        password_file: holds the password for it.

    Raises:
        StoreError: it cannot be made or reached, or is of a newer release.
        ConfigError: `url` is not an address, or holds a password.
        PluginError: psycopg is not installed.
    """
    if url is not None:
        return opened(Postgres(url, password_file=password_file, is_pooled=True))
    if file is None:
        raise ValueError("neither a file nor an address")
    try:
        make_folder(file.parent)
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"cannot make {file}: {error.strerror}", hint="name another file in database.file") from error
    return opened(Sqlite(file))


def opened(dialect: Dialect) -> ServiceDatabase:
    """A database with the newest tables; made or brought up to date by one process, for which others wait.

    Raises:
        StoreError
    """
    engine = dialect.engine()
    try:
        with translated(dialect), engine.connect() as connection:
            if _revision(connection, dialect) != HEAD_REVISION:
                dialect.lock_schema(connection)
                try:
                    if _revision(connection, dialect) != HEAD_REVISION:
                        _migrate(connection)
                except BaseException:
                    with suppress(DBAPIError):
                        connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
    except BaseException:
        engine.dispose()
        raise
    return ServiceDatabase(engine, dialect)


def _revision(connection: Connection, dialect: Dialect) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if revision is not None and str(revision) > HEAD_REVISION:
        raise StoreError(
            f"the service's database {dialect.label} was written by a newer git-align (revision {revision})",
            hint="pip install --upgrade git-align",
        )
    return None if revision is None else str(revision)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
