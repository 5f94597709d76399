"""What the families of tables share: one connection behind one lock, transactions, numbers of runs, fencing tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError

from gitalign.core.names import display, is_run_id
from gitalign.errors import RunTakenOver, StoreError, UnknownRun
from gitalign.store import schema
from gitalign.store.dialect import Dialect, rolled_back_on_error, translated

T = TypeVar("T")
AT_ONCE = 400  # parameters per statement stay far below SQLite's bound


class Family:
    """Tables of one repository in an open database.

    Args:
        engine: the database.
        dialect: says what kind it is.
        repository: the number of the repository.

    A process that begins a run, or takes one over, through this object holds it: its fencing token is kept here, and every
    write about the run compares it with the database's in the same transaction. So a process that another one took for
    dead, and that wakes up again, writes nothing.
    """

    def __init__(self, engine: Engine, dialect: Dialect, repository: int) -> None:
        self._engine = engine
        self._dialect = dialect
        self.repository = repository
        self._lock = threading.RLock()
        self._connection = engine.connect()
        self._tokens: dict[str, int] = {}

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that writes: all of it counts when the block ends, or nothing when it raises."""
        with self._reading() as connection:
            try:
                connection.exec_driver_sql(self._dialect.write)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                connection.rollback()  # the server ended it while it was idle; nothing was asked of it yet
                connection.exec_driver_sql(self._dialect.write)
            with rolled_back_on_error(connection):
                yield connection
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, translated(self._dialect):
            if self._connection.invalidated:
                self._connection.rollback()  # it connects again with its next statement
            yield self._connection

    def _number(self, connection: Connection, run_id: str) -> int:
        """The number of a run.

        Raises:
            UnknownRun
        """
        runs = schema.runs
        query = select(runs.c.number).where(runs.c.repository == self.repository, runs.c.id == run_id)
        found = connection.execute(query).scalar()
        if found is None:
            raise UnknownRun(f"no run {display(run_id)!r}", hint="git align runs")
        return int(found)

    def _held(self, connection: Connection, run_id: str) -> int:
        """The number of a run that is written about, locked until the transaction ends.

        Raises:
            UnknownRun
            RunTakenOver: this process held the run, and another one took it over.
        """
        runs = schema.runs
        query = (
            select(runs.c.number, runs.c.token)
            .where(runs.c.repository == self.repository, runs.c.id == run_id)
            .with_for_update()
        )
        row = connection.execute(query).first()
        if row is None:
            raise UnknownRun(f"no run {display(run_id)!r}", hint="git align runs")
        if self._tokens.get(run_id, row.token) != row.token:
            raise taken_over(run_id)
        return int(row.number)

    def _next_token(self, connection: Connection) -> int:
        """A token that is higher than every one before; transactions that ask for one wait for one another."""
        table = schema.repositories
        statement = (
            update(table)
            .where(table.c.number == self.repository)
            .values(token=table.c.token + 1)
            .returning(table.c.token)
        )
        return int(connection.execute(statement).scalar_one())

    def _id(self, word: str) -> str:
        """A run's id as it is stored. Ids name folders and refs: one that git-align never wrote is used for neither."""
        if not is_run_id(word):
            raise StoreError(
                f"journal {self._dialect.label}: {display(word)!r} is not the id of a run: "
                "the journal was damaged or changed",
                hint=self._dialect.damaged(),
            )
        return word


def taken_over(run_id: str) -> RunTakenOver:
    """The error for a process that no longer holds its run."""
    return RunTakenOver(
        f"run {run_id} was taken over by another process; this one changes nothing more",
        hint=f"git align show {run_id}",
    )


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values, as many at once as go into one statement."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
