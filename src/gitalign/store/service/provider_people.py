"""People who sign in with an OpenID provider: known by what the provider calls them, never by name."""

from __future__ import annotations

import hashlib
import json
import re

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from gitalign.core.accounts import EVERY, Actor, Role
from gitalign.errors import StoreError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.sessions import actor_of_person, shut_out

_USERS = schema.users
ACTOR = "OpenID provider"
"""Who did it, in the audit trail."""
_LONGEST_NAME = 50
_AGAIN = 3


def admit(database: ServiceDatabase, subject: tuple[str, str], *, name: str, role: Role) -> Actor | None:
    """The person, added at the first sign-in and with the role of this one.

    A person of the same name who signs in otherwise is another person.

    Args:
        database: of the service.
        subject: issuer, and what it calls the person.
        name: that the person likes to be called.
        role: that the provider's groups give.

    Returns:
        The person; None for one who was disabled or removed.
    """
    for left in range(_AGAIN, -1, -1):
        try:
            return _admitted(database, subject, name=name, role=role)
        except StoreError as error:
            # Another sign-in of the same person, or of one of the same name, was first: now it is found.
            if not left or not isinstance(error.__cause__, IntegrityError):
                raise
    raise AssertionError("the last attempt returns or raises")


def _admitted(database: ServiceDatabase, subject: tuple[str, str], *, name: str, role: Role) -> Actor | None:
    with database.writing() as connection:
        row = connection.execute(select(_USERS).where(_is(subject))).first()
        if row is None:
            number = _added(connection, subject, name=name, role=role)
        else:
            number = row.number
            if row.role != role.value and row.removed_at is None:
                connection.execute(update(_USERS).where(_USERS.c.number == number).values(role=role.value))
                detail = {"role": role.value}
                write_entry(connection, actor=ACTOR, action="user.role", subject=row.name, detail=detail)
        return actor_of_person(connection, _USERS.c.number == number)


def turn_away(database: ServiceDatabase, subject: tuple[str, str]) -> None:
    """A known person is in no group with a role any more: sessions end, and personal tokens are revoked."""
    with database.writing() as connection:
        row = connection.execute(select(_USERS).where(_is(subject))).first()
        if row is None:
            return
        ended = shut_out(connection, row.number)
        connection.execute(update(_USERS).where(_USERS.c.number == row.number).values(last_sign_in_at=None))
        detail = {"sessions_ended": ended}
        write_entry(connection, actor=ACTOR, action="user.turned_away", subject=row.name, detail=detail)


def _is(subject: tuple[str, str]) -> ColumnElement[bool]:
    return and_(_USERS.c.issuer == subject[0], _USERS.c.subject == subject[1])


def _added(connection: Connection, subject: tuple[str, str], *, name: str, role: Role) -> int:
    digest = hashlib.sha256("\n".join(subject).encode()).hexdigest()
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.partition("@")[0].casefold()).strip("-._")[:_LONGEST_NAME] or "person"
    taken = connection.execute(select(_USERS.c.number).where(_USERS.c.name == plain)).first()
    values = {
        "id": digest[:8],
        "name": plain if taken is None else f"{plain}-{digest[:8]}",
        "role": role.value,
        "repository_ids": json.dumps([EVERY]),
        "issuer": subject[0],
        "subject": subject[1],
        "created_by": ACTOR,
        "created_at": now_ms(),
    }
    number = connection.execute(insert(_USERS).values(**values).returning(_USERS.c.number)).scalar_one()
    detail = {"id": values["id"], "role": role.value, "issuer": subject[0]}
    write_entry(connection, actor=ACTOR, action="user.add", subject=str(values["name"]), detail=detail)
    return int(number)
