"""Opening the database of the service, and its transactions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from gitalign.errors import StoreError
from gitalign.shared_files import make_folder
from gitalign.store.dialect import Dialect, roll_back, rolled_back_on_error, translated
from gitalign.store.postgres import Postgres
from gitalign.store.service.schema import HEAD_REVISION, VERSION_TABLE, metadata
from gitalign.store.sqlite import Sqlite

if TYPE_CHECKING:
    from alembic.config import Config

_WHOSE = "the service's database"
_MIGRATIONS = Path(__file__).parent / "migrations"


class Tables(Enum):
    """What opening does where tables are missing or of an older release."""

    UPGRADED = "make or upgrade them"
    NEWEST = "refuse"
    ANY = "open as they are"


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
        with translated(self._dialect, _WHOSE), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction in which all statements read the same moment.

        Raises:
            StoreError
        """
        with self.reading() as connection:
            connection.exec_driver_sql(self._dialect.read)
            try:
                yield connection
            finally:
                roll_back(connection)

    def revision(self, connection: Connection) -> str | None:
        """Of its tables; None where there are none yet.

        Raises:
            StoreError: of a newer release.
        """
        return _revision(connection, self._dialect)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it counts when the block ends, or nothing when it raises.

        Raises:
            StoreError
        """
        with self.reading() as connection:
            connection.exec_driver_sql(self._dialect.write)
            with rolled_back_on_error(connection):
                yield connection
            connection.exec_driver_sql("COMMIT")


def open_service_database(
    *,
    file: Path | None = None,
    url: str | None = None,
    password_file: Path | None = None,
    tables: Tables = Tables.UPGRADED,
) -> ServiceDatabase:
    """The database in a file, or at an address of PostgreSQL.

    Args:
        file: of SQLite; made when it is not there, for its owner alone: it holds sessions.
        url: see `server_url`; wins over `file`.
        password_file: holds the password for it.
        tables: what to do where its tables are not the newest ones.

    Raises:
        StoreError: it cannot be made or reached, or its tables are of another release than is asked for.
        ConfigError: `url` is not an address, or holds a password.
        PluginError: psycopg is not installed.
    """
    if url is not None:
        return opened(Postgres(url, password_file=password_file, is_pooled=True, section="database"), tables)
    if file is None:
        raise ValueError("neither a file nor an address")
    if tables is Tables.ANY and not file.exists():
        raise StoreError(f"there is no {file}", hint="git align db upgrade makes it; name it with database.file")
    try:
        make_folder(file.parent)
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"cannot make {file}: {error.strerror}", hint="name another file in database.file") from error
    return opened(Sqlite(file, is_journal=False), tables)


def opened(dialect: Dialect, tables: Tables = Tables.UPGRADED) -> ServiceDatabase:
    """A database; its tables are made or upgraded by one process, for which others wait.

    Raises:
        StoreError
    """
    engine = dialect.engine()
    try:
        with translated(dialect, _WHOSE), engine.connect() as connection:
            revision = _revision(connection, dialect)
            if revision != HEAD_REVISION and tables is Tables.NEWEST:
                raise StoreError(
                    f"{_WHOSE} {dialect.label} has revision {revision or 'none'} of the tables; "
                    f"this release needs {HEAD_REVISION}",
                    hint="git align db upgrade"
                    if revision is None
                    else "git align db backup FILE, then git align db upgrade",
                )
            if revision != HEAD_REVISION and tables is Tables.UPGRADED:
                dialect.lock_schema(connection)
                with rolled_back_on_error(connection):
                    if _revision(connection, dialect) != HEAD_REVISION:
                        _migrate(connection)
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
            f"{_WHOSE} {dialect.label} was written by a newer git-align (revision {revision})",
            hint="pip install --upgrade git-align",
        )
    return None if revision is None else str(revision)


def _migrate(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_migrations(connection), "head")


def _migrations(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revisions() -> frozenset[str]:
    """Of the tables, of this release and all before it."""
    from alembic.script import ScriptDirectory

    return frozenset(script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions())


@contextmanager
def tables_of(connection: Connection, revision: str) -> Iterator[None]:
    """Inside the block the tables are those of an earlier release: they are made again, and upgraded behind it.

    Args:
        connection: in a transaction of a database whose tables are the newest ones, and empty.
        revision: one of `revisions`.
    """
    from alembic import command

    if revision == HEAD_REVISION:
        yield
        return
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    config = _migrations(connection)
    command.upgrade(config, revision)
    yield
    command.upgrade(config, "head")
