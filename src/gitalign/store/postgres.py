"""PostgreSQL, through psycopg 3 (extra `postgres`): one database for many repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from gitalign.errors import ConfigError, PluginError, StoreError

_CONNECT_S = 10
_LOCK_MS = 15_000
_IDLE_MS = 60_000
"""A process that stands still within a transaction must not hold others up for longer."""
_SCHEMA_LOCK = 0x676974616C69676E
"""Of `pg_advisory_xact_lock`: the letters `gitalign`."""


def server_url(url: str, *, section: str = "store") -> URL:
    """The address of a server, as `store.url` gives it.

    Args:
        url: the address.
        section: of the settings that it is from.

    Raises:
        ConfigError: not an address of PostgreSQL, or one with a password, which settings must not hold.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"{section}.url is not an address", hint="postgresql://USER@HOST/DATABASE") from error
    if parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ConfigError(
            f"{section}.url is an address of {parsed.drivername}, which is not supported",
            hint="postgresql://USER@HOST/DATABASE",
        )
    if parsed.password is not None or "password" in parsed.query:
        raise ConfigError(
            f"{section}.url holds a password, which would be written down with settings and shown to programs",
            hint=f"leave it out, and name a file in PGPASSFILE or {section}.password_file, or set PGPASSWORD",
        )
    return parsed.set(drivername="postgresql+psycopg")


class Postgres:
    """See `Dialect`.

    Args:
        url: see `server_url`.
        password_file: holds the password in its first line; None where libpq finds it (`PGPASSWORD`, `PGPASSFILE`).
        is_pooled: keep connections for the next transactions, as a server needs it.
        section: of the settings that the address is from.

    Raises:
        ConfigError
    """

    write = "BEGIN"
    read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(
        self, url: str, *, password_file: Path | None = None, is_pooled: bool = False, section: str = "store"
    ) -> None:
        self._url = server_url(url, section=section)
        self._section = section
        self._is_pooled = is_pooled
        self._password_file = password_file

    @property
    def label(self) -> str:
        """Its address."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=True)

    def engine(self) -> Engine:
        """See `Dialect`."""
        arguments: dict[str, Any] = {
            "connect_timeout": _CONNECT_S,
            "application_name": "git-align",
            "client_encoding": "utf8",
            "options": f"-c lock_timeout={_LOCK_MS} -c idle_in_transaction_session_timeout={_IDLE_MS}",
        }
        if self._password_file is not None:
            arguments["password"] = _password(self._password_file, self._section)
        if "options" in self._url.query:
            arguments["options"] += f" {self._url.query['options']}"
        url = self._url.difference_update_query(["options"])
        pool: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10} if self._is_pooled else {"poolclass": NullPool}
        try:
            engine = create_engine(
                url, isolation_level="AUTOCOMMIT", connect_args=arguments, hide_parameters=True, **pool
            )
        except (ImportError, NoSuchModuleError) as error:
            raise PluginError(
                f"{self._section}.url needs psycopg, which is not installed", hint="pip install 'git-align[postgres]'"
            ) from error
        event.listen(engine, "connect", _configure)
        return engine

    def lock_schema(self, connection: Connection) -> None:
        """See `Dialect`."""
        connection.exec_driver_sql(self.write)
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    def require_idle(self, connection: Connection) -> None:
        """Whether a run is under way is seen where its repository is, and not from here."""

    def make_tables(self, connection: Connection) -> None:
        """See `Dialect`."""
        from gitalign.store import schema

        schema.metadata.create_all(connection, checkfirst=False)
        for statement in schema.PARTIAL_INDEXES:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{schema.HEAD_REVISION}')")

    def explained(self, words: str) -> str:
        """See `Dialect`. The server says the reason itself."""
        return words

    def hint(self, words: str) -> str:
        """See `Dialect`."""
        hints = {
            "password": f"set PGPASSWORD, or name a file in PGPASSFILE or {self._section}.password_file",
            "lock timeout": "another git-align is writing; try again",
            "permission denied": f"give the user of {self._section}.url the rights to make and change tables in its database",
            "does not exist": "make it first: createdb, createuser",
            "No space left": "free some space on the server",
        }
        unreachable = f"see that the server runs and {self._section}.url is right"
        if self._section == "store":
            unreachable += ", then: git align resume"
        return next((advice for sign, advice in hints.items() if sign in words), unreachable)

    def damaged(self) -> str:
        """See `Dialect`."""
        return "restore the database from a backup; git for-each-ref refs/gitalign lists what runs pinned"


def _password(file: Path, section: str) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline(4_096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"cannot read the password of the database from {file}",
            hint=f"make {section}.password_file readable for you",
        ) from error


def _configure(connection: Any, _: object) -> None:
    """A transaction is on disk when it ends, also where the server's default is to answer earlier.

    Raises:
        StoreError: the database cannot hold every name; a server made with the locale C has such ones by default.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"the database has the encoding {encoding}, which does not hold every name",
            hint="make one that does: createdb --encoding=UTF8 --template=template0",
        )
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
