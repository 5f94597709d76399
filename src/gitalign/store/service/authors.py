"""Whether who asked for a job may still do so, at the moment at which it is carried out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from gitalign.core.accounts import EVERY, Role
from gitalign.core.jobs import Job
from gitalign.core.names import display
from gitalign.errors import NotPermitted
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.grants import current_names
from gitalign.store.service.rows import OF_TOKEN
from gitalign.store.service.schedules import author_of

_USERS, _TOKENS, _SCHEDULES = schema.users, schema.tokens, schema.schedules


class Authors:
    """People, tokens and schedules as authors of jobs."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def require(self, job: Job) -> None:
        """Refuse a job whose author was disabled, removed or revoked since, or lost the role or the repository.

        A token that only expired had the right when it asked. An author without an account, such as the command line of the
        operator, has every right.

        Raises:
            NotPermitted
            StoreError
        """
        needed = Role.LANDER if job.params.get("then") == "run" else job.kind.role
        with self._database.reading() as connection:
            author = _author(connection, job.created_by)
            why = _lost(connection, author, needed, job.repository)
        if why is not None:
            raise NotPermitted(
                f"{display(author)}, who asked for it, {why}",
                hint="have a person ask again who may; add a schedule again to make it go on",
                code="author_not_allowed",
            )


def _author(connection: Connection, name: str) -> str:
    """The author; that of the schedule where one asked."""
    schedule_id = name.removeprefix(author_of(""))
    if schedule_id == name:
        return name
    query = select(_SCHEDULES.c.created_by).where(_SCHEDULES.c.id == schedule_id)
    return connection.execute(query).scalar() or name


def _lost(connection: Connection, author: str, needed: Role, repository: str) -> str | None:
    """What the author lost; None for one who may."""
    token = OF_TOKEN.fullmatch(author)
    if token is None:
        person = connection.execute(select(_USERS).where(_USERS.c.name == author)).first()
        return None if person is None else _lost_by(connection, person, _why_out(person), needed, repository)
    holder = connection.execute(select(_TOKENS).where(_TOKENS.c.id == token[1])).first()
    if holder is None:
        return "is a token that is not known any more"  # of a CI run: forgotten, revoked or not
    person = connection.execute(select(_USERS).where(_USERS.c.number == holder.person)).first()
    why = "is a token that was revoked" if holder.revoked_at is not None else None
    lost = _lost_by(connection, holder, why, needed, repository)
    if lost is None and person is not None:
        lost = _lost_by(connection, person, _why_out(person), needed, repository)
    return lost


def _why_out(person: Row[Any]) -> str | None:
    if person.removed_at is not None:
        return "was removed"
    if person.disabled_at is not None:
        return "is disabled"
    return "was turned away by the provider" if person.issuer is not None and person.last_sign_in_at is None else None


def _lost_by(connection: Connection, row: Row[Any], why: str | None, needed: Role, repository: str) -> str | None:
    if why is not None:
        return why
    if not Role(row.role).includes(needed):
        return f"has the role {row.role} now: {needed} is needed"
    names = current_names(connection, row.repository_ids)
    return None if EVERY in names or repository in names else "may not see the repository any more"
