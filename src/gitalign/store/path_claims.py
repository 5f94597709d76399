"""Paths that someone works on for a while."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from gitalign.core.path_claim import PathClaim
from gitalign.store import schema
from gitalign.store.family import Family

_CLAIMS = schema.path_claims


class SqlPathClaims(Family):
    """See `ports.PathClaimStore`. Claims wait for one another: each begins with a new token."""

    def claim_paths(self, claim: PathClaim) -> tuple[PathClaim, ...]:
        """Keep a claim, unless others hold some of its paths: then their claims, and nothing is kept."""
        with self.transaction() as connection:
            self._next_token(connection)  # one at a time: two would not see each other
            connection.execute(delete(_CLAIMS).where(self._of_repository & (_CLAIMS.c.until <= claim.made_at)))
            others = [one for one in self._listed(connection, claim.made_at) if one.holder != claim.holder]
            if held := tuple(one for one in others if one.overlaps(claim.patterns)):
                return held
            connection.execute(insert(_CLAIMS), [self._row(claim)])
        return ()

    def path_claims(self, at: datetime) -> tuple[PathClaim, ...]:
        """Claims that hold at a time, oldest first."""
        with self._reading() as connection:
            return tuple(self._listed(connection, at))

    def release_paths(self, holder: str, claim_id: str | None = None) -> int:
        """Give a claim back, or all of a holder; how many there were."""
        chosen = self._of_repository & (_CLAIMS.c.holder == holder)
        if claim_id is not None:
            chosen &= _CLAIMS.c.id == claim_id
        with self.transaction() as connection:
            return len(connection.execute(delete(_CLAIMS).where(chosen).returning(_CLAIMS.c.id)).all())

    @property
    def _of_repository(self) -> ColumnElement[bool]:
        return _CLAIMS.c.repository == self.repository

    def _listed(self, connection: Connection, at: datetime) -> Sequence[PathClaim]:
        query = (
            select(_CLAIMS).where(self._of_repository, _CLAIMS.c.until > at).order_by(_CLAIMS.c.made_at, _CLAIMS.c.id)
        )
        return [
            PathClaim(
                id=row.id,
                holder=row.holder,
                patterns=tuple(json.loads(row.patterns)),
                note=row.note,
                made_at=row.made_at,
                until=row.until,
            )
            for row in connection.execute(query)
        ]

    def _row(self, claim: PathClaim) -> dict[str, object]:
        return {
            "repository": self.repository,
            "id": claim.id,
            "holder": claim.holder,
            "patterns": json.dumps(list(claim.patterns)),
            "note": claim.note,
            "made_at": claim.made_at,
            "until": claim.until,
        }
