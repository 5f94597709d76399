"""The cache: verdicts of earlier runs, by content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select

from gitalign.store import schema
from gitalign.store.family import Family, chunks

_VERDICTS = schema.verdicts


class SqlCache(Family):
    """See `ports.VerdictCache`."""

    def look_up(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Cached verdicts of earlier runs, by content key."""
        query = select(_VERDICTS.c.key, _VERDICTS.c.body).where(_VERDICTS.c.repository == self.repository)
        with self._reading() as connection:
            return {
                row.key: row.body
                for chunk in chunks(sorted(set(keys)))
                for row in connection.execute(query.where(_VERDICTS.c.key.in_(chunk)))
            }

    def keep(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """Keep verdicts for later runs."""
        if not verdicts:
            return
        with self.transaction() as connection:
            self._next_token(connection)  # one at a time: two may have the same verdict
            for chunk in chunks(sorted(verdicts)):
                mine = (_VERDICTS.c.repository == self.repository) & _VERDICTS.c.key.in_(chunk)
                connection.execute(delete(_VERDICTS).where(mine))
                rows = [{"repository": self.repository, "key": key, "body": verdicts[key], "at": at} for key in chunk]
                connection.execute(insert(_VERDICTS), rows)
