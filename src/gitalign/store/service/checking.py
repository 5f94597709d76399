"""Whether the service's database is whole: its tables, its rows, the file itself, and the audit trail."""

from __future__ import annotations

from sqlalchemy import Connection, Integer, Table, func, select

from gitalign.core.service_database import DatabaseState
from gitalign.store.service import schema
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.backup import counted
from gitalign.store.service.database import ServiceDatabase

_NUMBERS = {"job": schema.jobs, "repository": schema.repositories, "token": schema.tokens, "person": schema.users}
"""Tables whose rows others name by their number, in a column of that name; 0 stands for none."""
_MOST_FAULTS = 20


def checked(database: ServiceDatabase) -> DatabaseState:
    """Look at everything; nothing is changed.

    Args:
        database: of the service, with tables of any revision.

    Raises:
        StoreError: it does not answer, or a newer release wrote it.
    """
    with database.snapshot() as connection:
        revision = database.revision(connection)
        faults = _of_the_file(connection)
        if revision != schema.HEAD_REVISION:
            faults.append(
                f"its tables have revision {revision or 'none'}, this release needs {schema.HEAD_REVISION}: "
                "git align db upgrade"
            )
            return DatabaseState(database.label, revision, schema.HEAD_REVISION, faults=tuple(faults))
        faults += [fault for table in schema.metadata.sorted_tables for fault in _without_owner(connection, table)]
        rows = counted(connection)
    trail = AuditTrail(database).verify()
    if trail.fault:
        faults.append(f"audit trail: {trail.fault}")
    return DatabaseState(database.label, revision, schema.HEAD_REVISION, rows=rows, faults=tuple(faults))


def _of_the_file(connection: Connection) -> list[str]:
    """What SQLite finds wrong with its file. PostgreSQL looks after its own: `pg_amcheck`."""
    if connection.dialect.name != "sqlite":
        return []
    lines = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_FAULTS})").scalars()
    return [f"the file is damaged: {line}" for line in lines if line != "ok"]


def _without_owner(connection: Connection, table: Table) -> list[str]:
    """Rows that belong to a row which is not there."""
    faults = []
    for name, owner in _NUMBERS.items():
        column = table.columns.get(name)
        if column is None or column.info.get("counter") or not isinstance(column.type, Integer):
            continue
        query = (
            select(func.count())
            .select_from(table.outerjoin(owner, owner.c.number == column))
            .where(owner.c.number.is_(None), column.is_not(None), column != 0)
        )
        count = connection.execute(query).scalar_one()
        if count:
            faults.append(f"{table.name}: {count} rows belong to a {name} that is not there")
    return faults
