"""Execution plans of projects."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, insert, select, update

from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_PLANS, _REPOSITORIES = schema.project_plans, schema.repositories


class ProjectPlans:
    """One plan for each repository."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def get(self, repository: str) -> str | None:
        """The plan as JSON text; None when there is none."""
        query = select(_PLANS.c.body).join(_REPOSITORIES, _REPOSITORIES.c.number == _PLANS.c.repository)
        with self._database.reading() as connection:
            body = connection.execute(query.where(_REPOSITORIES.c.name == repository)).scalar()
        return None if body is None else str(body)

    def change(self, repository: str, change: Callable[[str | None], str], *, actor: str) -> str:
        """Replace the plan; of two changes at once, the second one sees what the first one wrote.

        Args:
            repository: by name.
            change: makes the new plan from the one that is there.
            actor: for the audit trail.

        Raises:
            what `change` raises.
            NotFound
        """
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            held = update(_REPOSITORIES).where(_REPOSITORIES.c.number == number)
            connection.execute(held.values(last_event=_REPOSITORIES.c.last_event))
            mine = _PLANS.c.repository == number
            known = connection.execute(select(_PLANS.c.body).where(mine)).scalar()
            body = change(None if known is None else str(known))
            connection.execute(delete(_PLANS).where(mine))
            connection.execute(
                insert(_PLANS).values(repository=number, body=body, changed_by=actor, changed_at=now_ms())
            )
            write_entry(connection, actor=actor, action="project.plan", subject=repository)
            return body
