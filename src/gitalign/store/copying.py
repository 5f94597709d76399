"""Bringing the journal of a git directory into a database of the operator's: every row, once, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from gitalign.core.run import UNFINISHED
from gitalign.errors import StoreError
from gitalign.process_owner import HeldLock
from gitalign.store import schema
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.run_locks import RunLocks, batch_lock

_OF_RUNS = (schema.plans, schema.events, schema.results, schema.resolved, schema.publications, schema.claims)
_OF_REPOSITORY = (schema.verdicts, schema.sessions, schema.path_claims)
_BATCHES_NUMBERED = (
    (schema.projects, "project"),
    (schema.batch_runs, "batch_run"),
    (schema.parallel_batches, "batch"),
    (schema.worktrees, "worktree"),
)
"""Tables whose rows others name by their number, in a column of that name."""
_OF_BATCHES = (schema.project_metadata, schema.batch_tasks, schema.batch_events, schema.batch_worktrees)
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
        under_way += [one.id for one in before.batch_runs() if HeldLock.is_held(batch_lock(state_dir, one.id))]
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
        _copy_rows(table, (_renumbered(row, numbers, as_repository) for row in _rows(source, table, repository)), into)
    _copy_batches(source, repository, into, as_repository)


def _copy_rows(table: Table, rows: Iterator[dict[str, Any]], into: Connection) -> None:
    while chunk := list(islice(rows, _AT_ONCE)):
        into.execute(insert(table), chunk)


def _copy_batches(source: Connection, repository: int, into: Connection, as_repository: int) -> None:
    """Projects and batch runs, with what belongs to them: the file holds those of one repository."""
    known = into.execute(select(schema.projects.c.id).where(schema.projects.c.repository == as_repository)).first()
    if known is not None:
        return
    numbers: dict[str, dict[int, int]] = {}
    for table, column in _BATCHES_NUMBERED:
        given = numbers[column] = {0: 0}  # 0 stands for no run
        for row in _rows(source, table, repository):
            row = {name: numbers[name][value] if name in numbers else value for name, value in row.items()}
            old = row.pop("number")
            row |= {"repository": as_repository} if "repository" in row else {}
            given[old] = into.execute(insert(table).values(**row).returning(table.c.number)).scalar_one()
    for table in _OF_BATCHES:
        rows = _rows(source, table, repository)
        _copy_rows(
            table,
            ({name: numbers[name][value] if name in numbers else value for name, value in row.items()} for row in rows),
            into,
        )


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
