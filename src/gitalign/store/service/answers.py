"""Answers to requests with an `Idempotency-Key` that write no job: claimed before the effect, kept after it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gitalign.errors import StoreError
from gitalign.store.service import schema
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase

KEPT_MS = 86_400_000
"""A day: an answer may hold what is shown once, so it goes soon."""
_ANSWERS = schema.answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A request with the same key.

    Attributes:
        request: digest of what was asked.
        sealed: its answer, encrypted; None while it is carried out, or when that ended without one.
    """

    request: str
    sealed: str | None


class Answers:
    """Answers of all senders."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def claim(self, digest: str, request: str) -> Earlier | None:
        """Claim a key for a request; None when it is claimed now, else what claimed it earlier.

        Args:
            digest: of the key and its sender.
            request: digest of what is asked.
        """
        earlier = self.known(digest)
        if earlier is not None:
            return earlier
        try:
            with self._database.writing() as connection:
                connection.execute(delete(_ANSWERS).where(_ANSWERS.c.created_at < now_ms() - KEPT_MS))
                connection.execute(insert(_ANSWERS).values(digest=digest, request=request, created_at=now_ms()))
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            # The same key came twice at once, and the other one was first.
            return self.known(digest)
        return None

    def known(self, digest: str) -> Earlier | None:
        """What claimed a key, within the last day; None when nothing did."""
        query = select(_ANSWERS.c.request, _ANSWERS.c.sealed).where(
            _ANSWERS.c.digest == digest, _ANSWERS.c.created_at >= now_ms() - KEPT_MS
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Earlier(request=row.request, sealed=row.sealed)

    def keep(self, digest: str, sealed: str) -> None:
        """Keep the answer to a request that claimed a key."""
        with self._database.writing() as connection:
            connection.execute(update(_ANSWERS).where(_ANSWERS.c.digest == digest).values(sealed=sealed))

    def release(self, digest: str) -> None:
        """Give a key back: the request was refused, and had no effect."""
        with self._database.writing() as connection:
            connection.execute(delete(_ANSWERS).where(_ANSWERS.c.digest == digest, _ANSWERS.c.sealed.is_(None)))
