"""Opening the database: made or brought up to date when needed, and its errors told in our words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from gitalign.errors import StoreError
from gitalign.shared_files import adopt, make_folder
from gitalign.store import schema
from gitalign.store.new_database import NEW_DATABASE

_BUSY_MS = 15_000


def open_database(path: Path) -> Engine:
    """The database at a path.

    Raises:
        StoreError: not a database, of a newer version, not writable, or locked for too long.
    """
    try:
        _make(path)
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror}", hint=_how_to_write(path)) from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False, "isolation_level": None},
    )
    event.listen(engine, "connect", _configure)
    with translated(path):
        _bring_up_to_date(engine, path)
        return engine


def _make(path: Path) -> None:
    """Make the file before the database does, so that umask and sharing decide who may use it.

    Its log and shared memory take over its permissions (SQLite, os_unix.c, findCreateFileMode).
    """
    make_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        adopt(path)
    if path.parent.stat().st_mode & stat.S_IWGRP:
        for one in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
            adopt(one)  # those of an earlier release kept the group out


def _how_to_write(path: Path) -> str:
    if path.exists() and not os.access(path, os.W_OK):
        return (
            f"it belongs to {_owner(path)}: that user runs git align once more, or chmod g+w {path}*; "
            "git config core.sharedRepository group shares what is made from now on"
        )
    return f"make {path.parent if path.parent.exists() else path.parent.parent} writable"


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "another user"


def _configure(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _bring_up_to_date(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if revision == schema.HEAD_REVISION:
        return
    if revision is not None and revision > schema.HEAD_REVISION:
        raise StoreError(
            f"{path} was written by a newer git-align (revision {revision})", hint="pip install --upgrade git-align"
        )
    with engine.connect() as connection:
        # Two processes may come here at once; the second one waits and finds the work done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        inside = inspect(connection)
        if not inside.get_table_names():
            for statement in NEW_DATABASE:
                connection.exec_driver_sql(statement)
        elif (
            not inside.has_table("alembic_version")
            or connection.execute(text("SELECT version_num FROM alembic_version")).scalar() != schema.HEAD_REVISION
        ):
            _migrate(connection)
        if connection.connection.dbapi_connection is not None and connection.connection.dbapi_connection.in_transaction:
            connection.exec_driver_sql("COMMIT")


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of the database as `StoreError`, with what to do about them.

    Raises:
        StoreError
    """
    try:
        yield
    except DBAPIError as error:
        words = str(error.orig)
        hints = {
            "locked": "another git-align is writing; try again",
            "full": "free some space",
            "readonly": _how_to_write(path),
            "unable to open": _how_to_write(path),
            "malformed": f"move {path} away; runs before now cannot be undone by id then, their anchors are still under refs/gitalign",
            "not a database": f"move {path} away; runs before now cannot be undone by id then, their anchors are still under refs/gitalign",
        }
        hint = next((advice for sign, advice in hints.items() if sign in words), "git align doctor")
        raise StoreError(f"journal {path}: {words}", hint=hint) from error
