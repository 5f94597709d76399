"""People: who there is, what they may do, and the hash of the password of each."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from gitalign.core.accounts import EVERY, Actor, Role, User
from gitalign.core.names import display
from gitalign.errors import Contradiction, NotFound, StoreError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_time, instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.grants import current_names, ids_of, known_names, names_of
from gitalign.store.service.sessions import actor_of_person, end_all_of, shut_out

_USERS, _TOKENS = schema.users, schema.tokens


class Users:
    """The people of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(
        self, name: str, *, role: Role, repositories: Sequence[str] = (EVERY,), password: str | None = None, actor: str
    ) -> User:
        """Add a person.

        Args:
            name: was checked before.
            role: what the person may do.
            repositories: by name.
            password: its hash; None: the person cannot sign in yet.
            actor: who adds the person.

        Raises:
            Contradiction: the name is taken.
            NotFound: there is no such repository.
        """
        values = {"name": name, "role": role.value, "password": password, "created_by": actor}
        try:
            with self._database.writing() as connection:
                values["repository_ids"] = ids_of(connection, repositories)
                row = _inserted(connection, values)
                detail = {"id": row.id, "role": role.value, "repositories": list(repositories)}
                write_entry(connection, actor=actor, action="user.add", subject=name, detail=detail)
                return _user(connection, row)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise Contradiction(
                    f"the name {display(name)!r} is taken, perhaps by a person who was removed",
                    hint="choose another name, or see git align user list --all",
                    code="name_taken",
                ) from error
            raise

    def all(self, *, with_removed: bool = False) -> tuple[User, ...]:
        """People by name."""
        query = select(_USERS).order_by(_USERS.c.name)
        if not with_removed:
            query = query.where(_USERS.c.removed_at.is_(None))
        with self._database.reading() as connection:
            known = known_names(connection)
            return tuple(_as_user(row, names_of(row.repository_ids, known)) for row in connection.execute(query))

    def get(self, name: str) -> User:
        """One person who was not removed.

        Raises:
            NotFound
        """
        with self._database.reading() as connection:
            return _user(connection, _row(connection, name))

    def with_id(self, user_id: str) -> User | None:
        """The person with this id; None when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(_USERS).where(_USERS.c.id == user_id)).first()
            return None if row is None else _user(connection, row)

    def actor(self, name: str) -> Actor | None:
        """The person as one who asks; None for one who may not sign in."""
        with self._database.reading() as connection:
            return actor_of_person(connection, _USERS.c.name == name)

    def password_of(self, name: str) -> str | None:
        """The hash of the password of a person who may sign in; None when there is none."""
        may = and_(_USERS.c.name == name, _USERS.c.disabled_at.is_(None), _USERS.c.removed_at.is_(None))
        with self._database.reading() as connection:
            hashed: str | None = connection.execute(select(_USERS.c.password).where(may)).scalar()
            return hashed

    def set_role(
        self, name: str, *, role: Role | None = None, repositories: Sequence[str] | None = None, actor: str
    ) -> User:
        """Change what a person may do, at once.

        Args:
            name: of the person.
            role: the new one; None keeps it.
            repositories: by name; None keeps them.
            actor: who changes it.

        Raises:
            NotFound
            Contradiction: no one would be left who manages people.
        """
        with self._database.writing() as connection:
            row = _row(connection, name)
            values: dict[str, Any] = {} if role is None else {"role": role.value}
            detail = dict(values)
            if repositories is not None:
                values["repository_ids"] = ids_of(connection, repositories)
                detail["repositories"] = list(repositories)
            if not values:
                return _user(connection, row)
            stays = {"role": row.role, "repository_ids": row.repository_ids} | values
            if not _manages(stays["role"], stays["repository_ids"]):
                _require_another_admin(connection, row)
            row = _changed(connection, row.number, **values)
            write_entry(connection, actor=actor, action="user.role", subject=name, detail=detail)
            return _user(connection, row)

    def disable(self, name: str, *, actor: str) -> User:
        """Keep a person out: sessions end, and personal tokens are revoked, for good.

        Raises:
            NotFound
            Contradiction: no one would be left who manages people.
        """
        with self._database.writing() as connection:
            row = _row(connection, name)
            if row.disabled_at is None:
                _require_another_admin(connection, row)
                row = _changed(connection, row.number, disabled_at=now_ms())
                shut_out(connection, row.number)
                write_entry(connection, actor=actor, action="user.disable", subject=name)
            return _user(connection, row)

    def enable(self, name: str, *, actor: str) -> User:
        """Let a disabled person in again, who signs in again and makes new tokens: what began while being disabled ends, too.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            row = _row(connection, name)
            if row.disabled_at is not None:
                row = _changed(connection, row.number, disabled_at=None)
                shut_out(connection, row.number)
                write_entry(connection, actor=actor, action="user.enable", subject=name)
            return _user(connection, row)

    def remove(self, name: str, *, actor: str) -> User:
        """Remove a person for good: sessions end, personal tokens are revoked, the password is forgotten.

        Raises:
            NotFound
            Contradiction: no one would be left who manages people.
        """
        with self._database.writing() as connection:
            row = _row(connection, name)
            _require_another_admin(connection, row)
            row = _changed(connection, row.number, removed_at=now_ms(), password=None)
            shut_out(connection, row.number)
            write_entry(connection, actor=actor, action="user.remove", subject=name)
            return _user(connection, row)

    def set_password(self, name: str, hashed: str, *, actor: str, but_session: str | None = None) -> User:
        """Change the password; every session of the person ends.

        Args:
            name: of the person.
            hashed: the hash of the new password.
            actor: who changes it.
            but_session: id of the session in which the person does it; it stays.

        Raises:
            NotFound
            Contradiction: the person signs in with an OpenID provider.
        """
        with self._database.writing() as connection:
            row = _row(connection, name)
            if row.issuer is not None:
                raise Contradiction(
                    f"{display(name)} signs in with {display(row.issuer)}",
                    hint="change the password there",
                    code="signs_in_elsewhere",
                )
            row = _changed(connection, row.number, password=hashed)
            ended = end_all_of(connection, row.number, but=but_session)
            detail = {"sessions_ended": ended}
            write_entry(connection, actor=actor, action="user.password", subject=name, detail=detail)
            return _user(connection, row)

    def renew_hash(self, name: str, before: str, hashed: str) -> None:
        """Keep the same password with a stronger hash, unless it was changed meanwhile."""
        with self._database.writing() as connection:
            mine = and_(_USERS.c.name == name, _USERS.c.password == before)
            connection.execute(update(_USERS).where(mine).values(password=hashed))


def _inserted(connection: Connection, values: dict[str, Any]) -> Row[Any]:
    complete = {"id": secrets.token_hex(4), "created_at": now_ms(), **values}
    return connection.execute(insert(_USERS).values(**complete).returning(*_USERS.c)).one()


def _row(connection: Connection, name: str) -> Row[Any]:
    is_there = and_(_USERS.c.name == name, _USERS.c.removed_at.is_(None))
    row = connection.execute(select(_USERS).where(is_there)).first()
    if row is None:
        raise NotFound(f"no person {display(name)!r}", hint="git align user list", code="unknown_user")
    return row


def _changed(connection: Connection, number: int, **values: Any) -> Row[Any]:
    return connection.execute(
        update(_USERS).where(_USERS.c.number == number).values(**values).returning(*_USERS.c)
    ).one()


def _manages(role: str, repository_ids: str) -> bool:
    return role == Role.ADMIN.value and EVERY in repository_ids


def _require_another_admin(connection: Connection, row: Row[Any]) -> None:
    """Refuse to take the last person away who manages people.

    All of them are locked first, so that two administrators who remove each other at the same time do not both succeed.
    """
    if not _manages(row.role, row.repository_ids):
        return
    managing = select(_USERS).where(
        _USERS.c.role == Role.ADMIN.value, _USERS.c.disabled_at.is_(None), _USERS.c.removed_at.is_(None)
    )
    rows = connection.execute(managing.order_by(_USERS.c.number).with_for_update()).all()
    numbers = {one.number for one in rows if _manages(one.role, one.repository_ids)}
    if numbers == {row.number}:
        raise Contradiction(
            f"{display(row.name)} is the last person who manages people",
            hint="make another person an administrator first",
            code="last_admin",
        )


def _user(connection: Connection, row: Row[Any]) -> User:
    return _as_user(row, current_names(connection, row.repository_ids))


def _as_user(row: Row[Any], repositories: tuple[str, ...]) -> User:
    return User(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        repositories=repositories,
        issuer=row.issuer,
        has_password=row.password is not None,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        disabled_at=as_time(row.disabled_at),
        removed_at=as_time(row.removed_at),
        last_sign_in_at=as_time(row.last_sign_in_at),
    )
