"""The audit trail: entries are only added, each with the hash of the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from gitalign.core.audit import AuditCheck, AuditEntry, hash_of, verified
from gitalign.store.service import schema
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase

_AUDIT, _HEADS = schema.audit, schema.heads
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries: those that have these words in these fields."""

    actor: str = ""
    action: str = ""
    subject: str = ""

    def parts(self) -> Iterator[tuple[ColumnElement[str], str]]:
        """Columns, and what they have to contain."""
        for column, part in (
            (_AUDIT.c.actor, self.actor),
            (_AUDIT.c.action, self.action),
            (_AUDIT.c.subject, self.subject),
        ):
            if part:
                yield column, part


class AuditTrail:
    """The audit trail of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, *, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> AuditEntry:
        """Write an entry of its own; see `write_entry`."""
        with self._database.writing() as connection:
            return write_entry(connection, actor=actor, action=action, subject=subject, detail=detail)

    def verify(self, *, head: str | None = None) -> AuditCheck:
        """Go along the whole chain.

        Args:
            head: a hash that was noted earlier; it must be in the chain.
        """
        check = verified(self._entries(), head=head)
        if check.fault:
            return check
        with self._database.reading() as connection:
            last = connection.execute(select(_HEADS).where(_HEADS.c.name == "audit")).one()
        # Entries that were added meanwhile are not a fault.
        if last.number < check.entries or (last.number == check.entries and last.hash != check.head):
            return replace(check, fault="the recorded end of the trail is not the last entry")
        if last.number > check.entries and not self._has(check.entries + 1):
            return replace(check, fault=f"entry {check.entries + 1} is missing")
        return check

    def newest(
        self, limit: int, *, which: AuditFilter | None = None, before: int | None = None
    ) -> tuple[AuditEntry, ...]:
        """Newest first.

        Args:
            limit: at most so many.
            which: a choice; None for all.
            before: only those with a lower number.
        """
        query = select(_AUDIT).order_by(_AUDIT.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(_AUDIT.c.number < before)
        for column, part in (which or AuditFilter()).parts():
            query = query.where(column.contains(part, autoescape=True))
        with self._database.reading() as connection:
            return tuple(map(_entry, connection.execute(query)))

    def _has(self, number: int) -> bool:
        with self._database.reading() as connection:
            return connection.execute(select(_AUDIT.c.number).where(_AUDIT.c.number == number)).first() is not None

    def _entries(self) -> Iterator[AuditEntry]:
        above = 0
        while True:
            query = select(_AUDIT).where(_AUDIT.c.number > above).order_by(_AUDIT.c.number).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(query).all()
            yield from map(_entry, rows)
            if len(rows) < _PAGE:
                return
            above = rows[-1].number


def write_entry(
    connection: Connection, *, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Write an entry in the transaction that does what it is about. Entries are written one at a time: do it last.

    Args:
        connection: in a transaction that writes.
        actor: name of the token, or `command line`.
        action: such as `job.create`.
        subject: what it is done to.
        detail: more, as JSON can say it; never a secret.
    """
    head = connection.execute(
        update(_HEADS)
        .where(_HEADS.c.name == "audit")
        .values(number=_HEADS.c.number + 1)
        .returning(_HEADS.c.number, _HEADS.c.hash, now_ms().label("at"))
    ).one()
    bare = AuditEntry(
        number=head.number,
        at_ms=head.at,
        actor=actor,
        action=action,
        subject=subject,
        detail=dict(detail or {}),
        previous=head.hash,
    )
    entry = replace(bare, hash=hash_of(bare))
    _insert(connection, entry)
    connection.execute(update(_HEADS).where(_HEADS.c.name == "audit").values(hash=entry.hash))
    return entry


def _insert(connection: Connection, entry: AuditEntry) -> None:
    values = {
        "number": entry.number,
        "at": entry.at_ms,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.dumps(dict(entry.detail)),
        "previous": entry.previous,
        "hash": entry.hash,
    }
    connection.execute(insert(_AUDIT), [values])


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at_ms=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        detail=json.loads(row.detail),
        previous=row.previous,
        hash=row.hash,
    )
