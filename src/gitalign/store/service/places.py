"""Paths of the machines on which the service works, as far as they may stand in documents: what is hidden from who must not know them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import select, update

from gitalign.core.machine_paths import MOST_PLACES
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase

_REPOSITORIES = schema.repositories


class KnownPlaces:
    """Absolute path -> name that is shown for it, of all repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def all(self) -> tuple[tuple[str, str], ...]:
        """Every known path with its name, by path.

        Raises:
            StoreError
        """
        table = _REPOSITORIES.c
        with self._database.reading() as connection:
            rows = connection.execute(select(table.path, table.config_file, table.places)).all()
        known: dict[str, str] = {}
        for row in rows:
            known |= json.loads(row.places or "{}")
            if row.config_file is not None:
                known[row.config_file] = "settings"
            known[row.path] = "repository"
        return tuple(sorted(known.items()))

    def note(self, repository: int, places: Mapping[str, str]) -> None:
        """Remember paths of a repository, and of the machine on which a job of it is carried out.

        Args:
            repository: number of its row.
            places: path -> name.

        Raises:
            StoreError
        """
        if not places:
            return
        mine = _REPOSITORIES.c.number == repository
        with self._database.reading() as connection:
            if _holds(connection.execute(select(_REPOSITORIES.c.places).where(mine)).scalar(), places):
                return
        with self._database.writing() as connection:
            kept = connection.execute(select(_REPOSITORIES.c.places).where(mine).with_for_update()).scalar()
            before = {path: name for path, name in json.loads(kept or "{}").items() if path not in places}
            newest = list((before | dict(places)).items())[-MOST_PLACES:]
            connection.execute(update(_REPOSITORIES).where(mine).values(places=json.dumps(dict(newest))))


def _holds(kept: str | None, places: Mapping[str, str]) -> bool:
    known = json.loads(kept or "{}")
    return all(known.get(path) == name for path, name in places.items())
