"""What the store needs of a database: opening it, beginning a transaction, and errors in our words. Two offer it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from gitalign.errors import StoreError


class Dialect(Protocol):
    """A database of one kind, at one place."""

    @property
    def label(self) -> str:
        """The database in messages; never a secret."""

    @property
    def write(self) -> str:
        """The statement that begins a transaction which writes."""

    @property
    def read(self) -> str:
        """The statement that begins a transaction whose statements all read the same moment."""

    def engine(self) -> Engine:
        """The database, opened. Statements outside of a transaction count at once.

        Raises:
            StoreError: it cannot be opened.
        """

    def lock_schema(self, connection: Connection) -> None:
        """Begin a transaction in which no other process changes tables."""

    def require_idle(self, connection: Connection) -> None:
        """Refuse to change tables that a run of an earlier release is working with.

        Raises:
            StoreError
        """

    def make_tables(self, connection: Connection) -> None:
        """Make the newest tables in an empty database."""

    def explained(self, words: str) -> str:
        """What the database says of an error, and the reason where it leaves that out."""

    def hint(self, words: str) -> str:
        """What to do about an error of the database."""

    def damaged(self) -> str:
        """What to do about a row that cannot be read."""


@contextmanager
def translated(dialect: Dialect, whose: str = "journal") -> Iterator[None]:
    """Errors of the database as `StoreError`, with what to do about them.

    Args:
        dialect: the database.
        whose: what it is called in messages.

    Raises:
        StoreError
    """
    try:
        yield
    except (DBAPIError, PendingRollbackError) as error:
        # The second one is what a connection that broke before says of each later statement.
        words = dialect.explained(str(error.orig).strip()) if isinstance(error, DBAPIError) else "the connection broke"
        raise StoreError(f"{whose} {dialect.label}: {words}", hint=dialect.hint(words)) from error


@contextmanager
def rolled_back_on_error(connection: Connection) -> Iterator[None]:
    """Roll a transaction back when the block raises. Where the connection broke, the server has done so."""
    try:
        yield
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: Connection) -> None:
    """End a transaction without what it wrote; an error that led here is not hidden by one of this."""
    if not connection.invalidated:
        with suppress(DBAPIError, PendingRollbackError):
            connection.exec_driver_sql("ROLLBACK")


@contextmanager
def understood(dialect: Dialect, whose: str) -> Iterator[None]:
    """Rows that do not say what they should are errors of the journal, by the name of the run.

    Raises:
        StoreError
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise unreadable(dialect, whose, str(error)) from error


def unreadable(dialect: Dialect, whose: str, why: str) -> StoreError:
    """The error for a row that cannot be read."""
    return StoreError(
        f"journal {dialect.label}: what is stored of {whose} cannot be read: {why[:200]}", hint=dialect.damaged()
    )
