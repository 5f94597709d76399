"""Credentials for remotes, one for each repository; what comes in is encrypted already."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from gitalign.errors import NotFound
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_CREDENTIALS = schema.credentials


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
                raise NotFound("the repository has no credential", hint="git align repo list", code="no_credential")
            write_entry(connection, actor=actor, action="credential.remove", subject=repository)

    def of(self, repository: int) -> str | None:
        """The encrypted credential of a repository; None when it has none.

        Args:
            repository: number of its row.
        """
        query = select(_CREDENTIALS.c.sealed).where(_CREDENTIALS.c.repository == repository)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

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
