"""SQLite: a file in the git directory, in WAL mode, on disk when a transaction ends (`synchronous=FULL`)."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from gitalign.core.names import display
from gitalign.core.run import UNFINISHED
from gitalign.errors import StoreError
from gitalign.shared_files import adopt, make_folder
from gitalign.shortages import FULL, why_no_room
from gitalign.store.run_locks import RunLocks

_BUSY_MS = 15_000
_FREE = "free some space, then run the command again"
_COMPILED: LRUCache[Any, Any] = LRUCache(500)
"""Statements as SQL text, for every database of this process: making the text costs more than a small run asks for."""


class OneOfMany(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect, the same for every file: what one database compiled serves the next one."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


registry.register("sqlite.gitalign", __name__, OneOfMany.__name__)


class Sqlite:
    """See `Dialect`.

    Args:
        path: of the file; made when it is not there.
        is_journal: of a repository; that of the service gives other advice where it is damaged.
    """

    write = "BEGIN IMMEDIATE"
    read = "BEGIN"

    def __init__(self, path: Path, *, is_journal: bool = True) -> None:
        self._path = path
        self._is_journal = is_journal

    @property
    def label(self) -> str:
        """Its path."""
        return str(self._path)

    def engine(self) -> Engine:
        """See `Dialect`."""
        try:
            _make(self._path)
        except OSError as error:
            to_do = _FREE if error.errno in FULL else _how_to_write(self._path)
            raise StoreError(f"cannot make {self._path}: {error.strerror}", hint=to_do) from error
        engine = create_engine(
            URL.create("sqlite+gitalign", database=str(self._path)),
            execution_options={"compiled_cache": _COMPILED},
            hide_parameters=True,
            connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False, "isolation_level": None},
        )
        event.listen(engine, "connect", _configure)
        return engine

    def lock_schema(self, connection: Connection) -> None:
        """See `Dialect`."""
        connection.exec_driver_sql(self.write)

    def require_idle(self, connection: Connection) -> None:
        """See `Dialect`."""
        if not inspect(connection).has_table("runs"):
            return
        states = ", ".join(f"'{state.value}'" for state in UNFINISHED)
        locks = RunLocks(self._path.parent)
        for run_id, owner in connection.exec_driver_sql(f"SELECT id, owner FROM runs WHERE state IN ({states})"):
            if locks.is_alive(owner):
                raise StoreError(
                    f"run {display(run_id)} of an earlier release is under way with {self._path}",
                    hint="wait until it has ended, then try again",
                )

    def make_tables(self, connection: Connection) -> None:
        """See `Dialect`."""
        from gitalign.store.new_database import NEW_DATABASE

        for statement in NEW_DATABASE:
            connection.exec_driver_sql(statement)

    def explained(self, words: str) -> str:
        """See `Dialect`. SQLite does not say that the disk is full when there is no room for its shared memory.

        Source: SQLite, os_unix.c, unixShmMap (SQLITE_IOERR_SHMSIZE).
        """
        reason = why_no_room(self._path.parent) if "disk I/O error" in words else ""
        return f"{words}: {reason}" if reason else words

    def hint(self, words: str) -> str:
        """See `Dialect`."""
        if any(os.strerror(number) in words for number in FULL):
            return _FREE
        to_write = _how_to_write(self._path)
        hints = {
            "locked": "another git-align is writing; try again",
            "full": _FREE,
            "readonly": to_write,
            "unable to open": to_write,
            "malformed": self._away(),
            "not a database": self._away(),
        }
        return next(
            (advice for sign, advice in hints.items() if sign in words),
            "git align doctor" if self._is_journal else "git align db check",
        )

    def _away(self) -> str:
        if not self._is_journal:
            return f"move {self._path} away, and bring back a backup: git align db restore FILE"
        return (
            f"move {self._path} away; runs before now cannot be undone by id then, "
            "their anchors are still under refs/gitalign"
        )

    def damaged(self) -> str:
        """See `Dialect`."""
        return f"move {self._path} away: a new journal is made; git for-each-ref refs/gitalign lists what runs pinned"


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
