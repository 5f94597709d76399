"""The service's data as a file of documents, and back: for backups, and for moving from one database to another.

The first line says what the file is, each further one holds a row, and the last one how many there were, with the SHA-256 of
all lines before it: what was cut short or changed is refused. A column with `info={"counter": True}` has values that must not be
given out a second time; restoring raises them. A table with `info={"transient": True}` is left out.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Integer, Table, func, insert, select, text, update

from gitalign.documents.formats import OtherVersion, json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed
from gitalign.errors import StoreError, UserError
from gitalign.output_file import write_whole
from gitalign.release import VERSION
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.database import ServiceDatabase, revisions, tables_of

COUNTER_GAP = 1 << 20
"""By so much counters rise when they are restored: more than anything can have counted since the backup."""
_FORMAT = "service-backup"
_AT_ONCE = 400
_LONGEST_LINE = 1 << 30
Rows = dict[str, int]
"""Number of rows by table."""


def tables() -> tuple[Table, ...]:
    """The tables that a backup holds, in the order of their names."""
    known = (table for table in schema.metadata.sorted_tables if not table.info.get("transient"))
    return tuple(sorted(known, key=lambda table: table.name))


def back_up(database: ServiceDatabase, file: Path) -> Rows:
    """Write everything as it is at one moment, while others go on working; the file is for its owner alone.

    Args:
        database: of the service, at the newest revision.
        file: must not be there yet; compressed when its name ends in `.gz`.

    Raises:
        UserError: there is such a file.
        OutOfSpace: it cannot be written; nothing of it is left behind.
        StoreError
    """
    if file.exists():
        raise UserError(f"{file} is there already", hint="name another file", code="exists")
    rows: Rows = {}
    with database.snapshot() as connection:
        lines = _lines(connection, database.revision(connection), rows)
        pieces = _compressed(lines) if file.name.endswith(".gz") else lines
        write_whole(file, pieces, mode=0o600)
    return rows


def restore(database: ServiceDatabase, file: Path, *, actor: str) -> Rows:
    """Bring everything of a backup into an empty database, in one transaction.

    The rows of an earlier release come into tables of that release, which are then upgraded: migrations change rows, too.

    Browsers sign in again afterwards. What the service counts goes on far above what the backup says: a worker, or the reader of
    a stream, that has seen later numbers than these is not confused by them.

    Args:
        database: of the service, with the newest tables and nothing in them.
        file: see `back_up`.
        actor: for the audit trail.

    Raises:
        UserError: the file cannot be used, or the database is not empty.
        StoreError
    """
    rows: Rows = {table.name: 0 for table in tables()}
    with _reading(file) as lines, database.writing() as connection:
        _require_empty(connection, database.label)
        first = next(lines, b"")
        with tables_of(connection, _revision(first, file)):
            connection.execute(schema.heads.delete())
            for table, group in groupby(_rows(first, lines, file), key=itemgetter(0)):
                while values := [row for _, row in islice(group, _AT_ONCE)]:
                    _insert(connection, table, values)
                    rows[table.name] += len(values)
        for table in tables():
            _raise_counters(connection, table)
            _go_on_numbering(connection, table)
        # A job that waited at the time of the backup may have been carried out since: its run is looked for.
        connection.execute(update(schema.jobs).where(schema.jobs.c.attempts == 0).values(attempts=1))
        write_entry(connection, actor=actor, action="database.restore", subject=file.name, detail={"rows": rows})
    return rows


def counted(connection: Connection) -> Rows:
    """How many rows the tables of a backup hold."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in tables()
    }


def _lines(connection: Connection, revision: str | None, rows: Rows) -> Iterator[bytes]:
    digest, count = hashlib.sha256(), 0

    def line(value: Mapping[str, Any]) -> bytes:
        written = json_text(value).encode() + b"\n"
        digest.update(written)
        return written

    header = stamped(_FORMAT, {"revision": revision, "release": VERSION})
    yield line(header)
    for table in tables():
        rows[table.name] = 0
        for values in _values_of(connection, table):
            rows[table.name] += 1
            count += 1
            yield line({"table": table.name, "row": values})
    yield json_text({"rows": count, "sha256": digest.hexdigest()}).encode() + b"\n"


def _values_of(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    result = connection.execution_options(yield_per=_AT_ONCE).execute(
        select(table).order_by(*table.primary_key.columns)
    )
    for row in result:
        yield {name: _dumped(value) for name, value in row._mapping.items()}


def _dumped(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _loaded(value: Any) -> Any:
    return base64.b64decode(value["base64"], validate=True) if isinstance(value, dict) else value


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines as one gzip stream, without the name of a file and the time in it."""
    held = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=held, mtime=0) as packed:
        for line in lines:
            packed.write(line)
            if held.tell() > 1 << 16:
                yield held.getvalue()
                held.seek(0)
                held.truncate()
    yield held.getvalue()


@contextmanager
def _reading(file: Path) -> Iterator[Iterator[bytes]]:
    try:
        with file.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            source: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_packed else raw  # type: ignore[assignment]
            yield _each(source)
    except (OSError, EOFError) as error:
        raise UserError(f"{file} cannot be read: {error}", hint="give a file of git align db backup") from error


def _each(source: IO[bytes]) -> Iterator[bytes]:
    while line := source.readline(_LONGEST_LINE):
        yield line


def _rows(first: bytes, lines: Iterator[bytes], file: Path) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Each row with its table. What the file says of itself at its end is compared last.

    Raises:
        UserError: it is not whole, or changed.
    """
    digest, known = hashlib.sha256(first), {table.name: table for table in tables()}
    for count, line in enumerate(lines):
        try:
            value = json.loads(line)
            if "sha256" in value:
                if value != {"rows": count, "sha256": digest.hexdigest()} or next(lines, None) is not None:
                    raise _refused(file, "its contents are not those that were written")
                return
            table, row = known[value["table"]], {name: _loaded(cell) for name, cell in value["row"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _refused(file, f"line {count + 2} is not a row of a known table") from error
        digest.update(line)
        yield table, row
    raise _refused(file, "it ends too early")


def _revision(first: bytes, file: Path) -> str:
    """Of the tables that the backup was taken from.

    Raises:
        UserError: it is not a backup, or of a newer release.
    """
    try:
        revision = opened(parsed(first.decode("utf-8", "replace")), _FORMAT).get("revision")
    except (Malformed, OtherVersion) as error:
        raise _refused(file, str(error)) from error
    if not isinstance(revision, str):
        raise _refused(file, "its first line is not that of a backup")
    if revision > schema.HEAD_REVISION:
        raise _refused(file, f"a newer git-align wrote it (revision {revision})")
    if revision not in revisions():
        raise _refused(file, f"there was no release with revision {revision!r}")
    return revision


def _refused(file: Path, why: str) -> UserError:
    return UserError(f"{file} cannot be restored: {why}", hint="give a file of git align db backup", code="backup")


def _require_empty(connection: Connection, label: str) -> None:
    kept = counted(connection)
    kept.pop(schema.heads.name)
    full = next((name for name, count in kept.items() if count), None)
    if full is not None:
        raise UserError(
            f"{label} is not empty: {full} holds {kept[full]} rows",
            hint="restore into a new database: name one in database.file or database.url",
            code="not_empty",
        )


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    unknown = {name for row in rows for name in row if name not in table.c}
    if unknown:
        raise StoreError(
            f"{table.name} has no column {min(unknown)}", hint="give a file that this release of git-align wrote"
        )
    connection.execute(insert(table), rows)


def _raise_counters(connection: Connection, table: Table) -> None:
    counters = [column for column in table.columns if column.info.get("counter")]
    if counters:
        connection.execute(update(table).values({column: column + COUNTER_GAP for column in counters}))


def _go_on_numbering(connection: Connection, table: Table) -> None:
    """New rows get numbers above those that were given, also where the database counts beside the rows."""
    counting = table.autoincrement_column
    if counting is None or connection.dialect.name != "postgresql" or not isinstance(counting.type, Integer):
        return
    connection.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{counting.name}'), "
            f"(SELECT COALESCE(MAX({counting.name}), 0) + 1 FROM {table.name}), false)"
        )
    )
