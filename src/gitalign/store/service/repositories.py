"""Repositories that the service works on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.exc import IntegrityError

from gitalign.core.jobs import JobState, ServedRepository
from gitalign.core.names import display
from gitalign.errors import Contradiction, StoreError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import (
    repository_number,
    repository_of,
    select_repositories,
    unknown_project,
    unknown_repository,
)

_REPOSITORIES, _JOBS = schema.repositories, schema.jobs


class Repositories:
    """The repositories of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, name: str, path: str, *, config_file: str | None = None, actor: str) -> ServedRepository:
        """Register a folder on the machine of the workers.

        Raises:
            Contradiction: the name is taken.
        """
        return self._added({"id": _new_id(), "name": name, "path": path, "config_file": config_file}, actor=actor)

    def add_address(
        self, name: str, url: str, *, folder: Path, config_file: str | None = None, actor: str
    ) -> ServedRepository:
        """Register a repository by its address; its first job clones it.

        Args:
            name: of it.
            url: was checked before.
            folder: the repository gets a folder of its own in there.
            config_file: the operator's settings for it.
            actor: who registers it.

        Raises:
            Contradiction: the name is taken.
        """
        new_id = _new_id()
        path = str(folder / f"{new_id}.git")
        return self._added(
            {"id": new_id, "name": name, "path": path, "url": url, "config_file": config_file}, actor=actor
        )

    def _added(self, row: Mapping[str, str | None], *, actor: str) -> ServedRepository:
        name, place = str(row["name"]), row.get("url") or row["path"]
        values = {**row, "created_at": now_ms()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(_REPOSITORIES).values(**values))
                added = connection.execute(select_repositories().where(_REPOSITORIES.c.id == row["id"])).one()
                write_entry(
                    connection,
                    actor=actor,
                    action="repository.add",
                    subject=name,
                    detail={"path": ascii(place), "id": row["id"]},
                )
                return repository_of(added)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise Contradiction(
                    f"there is a repository {display(name)!r} already", hint="git align repo list", code="name_taken"
                ) from error
            raise

    def all(self) -> tuple[ServedRepository, ...]:
        """Every repository, by name."""
        with self._database.reading() as connection:
            return tuple(map(repository_of, connection.execute(select_repositories().order_by(_REPOSITORIES.c.name))))

    def of_project(self, project: str) -> ServedRepository:
        """The repository of a project, whose id is its own; its name is understood, too.

        Raises:
            NotFound
        """
        try:
            wanted = _REPOSITORIES.c.id == UUID(project).hex
        except ValueError:
            wanted = _REPOSITORIES.c.name == project
        with self._database.reading() as connection:
            row = connection.execute(select_repositories().where(wanted)).first()
        if row is None:
            raise unknown_project(project)
        return repository_of(row)

    def get(self, name: str) -> ServedRepository:
        """One repository.

        Raises:
            NotFound
        """
        with self._database.reading() as connection:
            row = connection.execute(select_repositories().where(_REPOSITORIES.c.name == name)).first()
        if row is None:
            raise unknown_repository(name)
        return repository_of(row)

    def remove(self, name: str, *, actor: str) -> None:
        """Forget a repository with its jobs and events; the folder, its journal and its branches stay as they are.

        Raises:
            NotFound
            Contradiction: a job of it is under way.
        """
        with self._database.writing() as connection:
            number = repository_number(connection, name)
            mine = _JOBS.c.repository == number
            if connection.execute(select(exists().where(mine, _JOBS.c.state == JobState.RUNNING.value))).scalar():
                raise Contradiction(
                    f"a job of {display(name)} is under way", hint="wait until it has ended, or stop it", code="busy"
                )
            events, credentials = schema.events, schema.credentials
            connection.execute(delete(schema.schedules).where(schema.schedules.c.repository == number))
            connection.execute(delete(credentials).where(credentials.c.repository == number))
            for table in schema.OF_JOBS:
                connection.execute(delete(table).where(table.c.job.in_(select(_JOBS.c.number).where(mine))))
            hooks, deliveries = schema.webhooks, schema.deliveries
            of_hooks = select(hooks.c.number).where(hooks.c.repository == number)
            connection.execute(delete(deliveries).where(deliveries.c.webhook.in_(of_hooks)))
            connection.execute(delete(hooks).where(hooks.c.repository == number))
            plans = schema.project_plans
            connection.execute(delete(plans).where(plans.c.repository == number))
            connection.execute(delete(events).where(events.c.repository == number))
            connection.execute(delete(schema.health).where(schema.health.c.repository == number))
            connection.execute(delete(_JOBS).where(mine))
            connection.execute(delete(_REPOSITORIES).where(_REPOSITORIES.c.number == number))
            write_entry(connection, actor=actor, action="repository.remove", subject=name)


def _new_id() -> str:
    return secrets.token_hex(16)
