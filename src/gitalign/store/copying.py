"""Bringing the journal of a git directory into a database of the operator's: every row, once, in one transaction."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from gitalign.core.run import UNFINISHED
from gitalign.errors import StoreError
from gitalign.store import schema
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.run_locks import RunLocks

_OF_RUNS = (schema.plans, schema.events, schema.results, schema.resolved, schema.publications, schema.claims)
_OF_REPOSITORY = (schema.verdicts, schema.sessions)
_AT_ONCE = 400
_ENDING = ".moved"


def copied(database: Path, journal: SqlJournal, state_dir: Path) -> None:
    """Bring the rows of a database in a git directory over; the file keeps its contents under another name.

    Args:
        database: the file.
        journal: where they go, of the same repository. Runs that it has already are not brought over again.
        state_dir: of the repository.

    Raises:
        StoreError: a run is under way with the file.
    """
    locks = RunLocks(state_dir)
    with closing(open_journal(database)) as before:
        under_way = [one.id for one in before.runs_in(UNFINISHED) if locks.is_alive(one.owner)]
        if under_way:
            raise StoreError(
                f"run {under_way[0]} is under way with {database}; it moves into the database of store.url after that",
                hint="wait until it has ended, then try again",
            )
        with before.transaction() as source, journal.transaction() as into:
            _copy(source, before.repository, into, journal.repository)
    for ending in ("", "-wal", "-shm"):
        file = database.with_name(database.name + ending)
        if file.exists():
            file.rename(database.with_name(f"{database.name}{_ENDING}{ending}"))


def _copy(source: Connection, repository: int, into: Connection, as_repository: int) -> None:
    # One process at a time copies; another one that waited here finds the rows, and adds nothing.
    into.execute(
        update(schema.repositories)
        .where(schema.repositories.c.number == as_repository)
        .values(token=schema.repositories.c.token + 1)
    )
    runs = schema.runs
    known = set(into.execute(select(runs.c.id).where(runs.c.repository == as_repository)).scalars())
    token = source.execute(
        select(schema.repositories.c.token).where(schema.repositories.c.number == repository)
    ).scalar_one()
    numbers: dict[int, int] = {}
    for row in _rows(source, runs, repository):
        if row["id"] in known:
            return
        old = row.pop("number")
        statement = insert(runs).values(**{**row, "repository": as_repository}).returning(runs.c.number)
        numbers[old] = into.execute(statement).scalar_one()
    into.execute(
        update(schema.repositories)
        .where(schema.repositories.c.number == as_repository, schema.repositories.c.token < token)
        .values(token=token)
    )
    for table in (*_OF_RUNS, *_OF_REPOSITORY):
        rows = (_renumbered(row, numbers, as_repository) for row in _rows(source, table, repository))
        while chunk := list(islice(rows, _AT_ONCE)):
            into.execute(insert(table), chunk)


def _rows(source: Connection, table: Table, repository: int) -> Any:
    query = select(table)
    if "repository" in table.c:
        query = query.where(table.c.repository == repository)
    return (dict(row._mapping) for row in source.execute(query.order_by(*table.primary_key.columns)))


def _renumbered(row: dict[str, Any], numbers: dict[int, int], repository: int) -> dict[str, Any]:
    if "run" in row:
        row["run"] = numbers[row["run"]]
    if "repository" in row:
        row["repository"] = repository
    return row
