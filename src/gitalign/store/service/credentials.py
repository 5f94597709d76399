"""Credentials for remotes, one for each repository; what comes in is encrypted already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from gitalign.errors import NotFound, UserError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_time, instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_CREDENTIALS = schema.credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCredential:
    """What may be shown of a credential.

    Attributes:
        repository: by name.
        kind: `basic` or `ssh`.
        changed_by, changed_at: who gave it, and when.
        disabled_at: when it was switched off; None while it is on.
        last_used_at: when a job opened it last; None for never.
    """

    repository: str
    kind: str
    changed_by: str
    changed_at: datetime
    disabled_at: datetime | None
    last_used_at: datetime | None


class Credentials:
    """The credentials of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def put(self, repository: str, *, kind: str, sealed: str, actor: str) -> None:
        """Keep the credential of a repository instead of the one before.

        Raises:
            NotFound: there is no such repository.
        """
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            connection.execute(delete(_CREDENTIALS).where(_CREDENTIALS.c.repository == number))
            values = {
                "repository": number,
                "kind": kind,
                "sealed": sealed,
                "changed_by": actor,
                "changed_at": now_ms(),
            }
            connection.execute(insert(_CREDENTIALS).values(**values))
            write_entry(connection, actor=actor, action="credential.put", subject=repository, detail={"kind": kind})

    def remove(self, repository: str, *, actor: str) -> None:
        """Forget the credential of a repository.

        Raises:
            NotFound: there is no such repository, or it has none.
        """
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            if not connection.execute(delete(_CREDENTIALS).where(_CREDENTIALS.c.repository == number)).rowcount:
                raise _none_there()
            write_entry(connection, actor=actor, action="credential.remove", subject=repository)

    def known(self) -> tuple[KnownCredential, ...]:
        """What may be shown of every credential, by name of the repository."""
        names = schema.repositories
        shown = [column for column in _CREDENTIALS.c if column is not _CREDENTIALS.c.sealed]
        query = select(*shown, names.c.name).join(names, names.c.number == _CREDENTIALS.c.repository)
        with self._database.reading() as connection:
            return tuple(_known(row) for row in connection.execute(query.order_by(names.c.name)))

    def switch(self, repository: str, *, on: bool, actor: str) -> None:
        """Switch the credential of a repository on or off; while it is off, jobs that need it fail and say so.

        Raises:
            NotFound: there is no such repository, or it has none.
        """
        is_off = _CREDENTIALS.c.disabled_at.is_not(None)
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            is_it = _CREDENTIALS.c.repository == number
            change = update(_CREDENTIALS).where(is_it, is_off if on else ~is_off)
            if connection.execute(change.values(disabled_at=None if on else now_ms())).rowcount:
                action = "credential.enable" if on else "credential.disable"
                write_entry(connection, actor=actor, action=action, subject=repository)
            elif connection.execute(select(_CREDENTIALS.c.kind).where(is_it)).first() is None:
                raise _none_there()

    def use(self, repository: int) -> str | None:
        """The encrypted credential of a repository, to be used now; None when it has none.

        Args:
            repository: number of its row.

        Raises:
            UserError: it is switched off.
        """
        is_it = _CREDENTIALS.c.repository == repository
        with self._database.writing() as connection:
            row = connection.execute(select(_CREDENTIALS.c.sealed, _CREDENTIALS.c.disabled_at).where(is_it)).first()
            if row is None:
                return None
            if row.disabled_at is not None:
                raise UserError(
                    "the credential of this repository is switched off",
                    hint="an administrator switches it on again on the page Credentials",
                    code="credential_is_off",
                )
            connection.execute(update(_CREDENTIALS).where(is_it).values(last_used_at=now_ms()))
        return str(row.sealed)

    def all(self) -> tuple[tuple[int, str], ...]:
        """Every encrypted credential, with the number of its repository."""
        query = select(_CREDENTIALS.c.repository, _CREDENTIALS.c.sealed).order_by(_CREDENTIALS.c.repository)
        with self._database.reading() as connection:
            return tuple((row.repository, row.sealed) for row in connection.execute(query))

    def replace(self, repository: int, *, before: str, after: str) -> bool:
        """Keep the same credential, encrypted with another key; False when it was changed meanwhile."""
        is_same = (_CREDENTIALS.c.repository == repository) & (_CREDENTIALS.c.sealed == before)
        with self._database.writing() as connection:
            return connection.execute(update(_CREDENTIALS).where(is_same).values(sealed=after)).rowcount == 1


def _none_there() -> NotFound:
    return NotFound("the repository has no credential", hint="git align repo list", code="no_credential")


def _known(row: Any) -> KnownCredential:
    return KnownCredential(
        repository=row.name,
        kind=row.kind,
        changed_by=row.changed_by,
        changed_at=instant(row.changed_at),
        disabled_at=as_time(row.disabled_at),
        last_used_at=as_time(row.last_used_at),
    )
