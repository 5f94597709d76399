"""Tokens. They come in as text, and their SHA-256 is what is kept."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, insert, or_, select, update

from gitalign.core.accounts import (
    Actor,
    Role,
    Token,
    common_repositories,
    digest_of,
    is_well_formed,
    token_actor_name,
)
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_ms, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.grants import current_names, ids_of, known_names, names_of
from gitalign.store.service.rows import token_of

_TOKENS, _SESSIONS, _USERS = schema.tokens, schema.sessions, schema.users
_USED_AGAIN_MS = 60_000
"""The last use of a token is written down at most once a minute."""

_PROVIDER_AGAIN_MS = 30 * 86_400_000
"""Who left the provider cannot sign in there; so long after the last sign-in personal tokens end, too."""


class Accounts:
    """The tokens of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, token: Token, *, text: str) -> Token:
        """Keep a token.

        Args:
            token: all but the secret; the time of its creation is the database's.
            text: the token itself, of which only the digest is kept.

        Raises:
            NotFound: there is no such repository, or no such person.
        """
        with self._database.writing() as connection:
            person = None if token.user is None else _person(connection, token.user)
            values = {
                "id": token.id,
                "digest": digest_of(text),
                "name": token.name,
                "role": token.role.value,
                "repositories": json.dumps(token.repositories),
                "repository_ids": ids_of(connection, token.repositories),
                "person": person,
                "created_by": token.created_by,
                "created_at": now_ms(),
                "expires_at": as_ms(token.expires_at),
                "issuer": token.issuer,
            }
            number = connection.execute(insert(_TOKENS).values(**values).returning(_TOKENS.c.number)).scalar_one()
            said = {"name": token.name, "role": token.role.value, "repositories": list(token.repositories)}
            if token.user is not None:
                said["user"] = token.user
            if token.issuer is not None:
                said["issuer"] = token.issuer
            write_entry(connection, actor=token.created_by, action="token.create", subject=token.id, detail=said)
            return _token(connection, _TOKENS.c.number == number)

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first; revoked and expired ones, too."""
        return self._listed(None)

    def of_user(self, name: str) -> tuple[Token, ...]:
        """The personal tokens of a person, oldest first."""
        return self._listed(_USERS.c.name == name)

    def _listed(self, which: ColumnElement[bool] | None) -> tuple[Token, ...]:
        query = _with_users().order_by(_TOKENS.c.number)
        with self._database.reading() as connection:
            known = known_names(connection)
            rows = connection.execute(query if which is None else query.where(which))
            return tuple(token_of(row, repositories=names_of(row.repository_ids, known)) for row in rows)

    def revoke(self, token_id: str, *, actor: str, user: str | None = None) -> Token:
        """End a token and every session that began with it; one that is revoked already stays so.

        Args:
            token_id: which one.
            actor: who does it.
            user: only a personal token of this person.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            row = connection.execute(_with_users().where(_TOKENS.c.id == token_id)).first()
            if row is None or user not in (None, row.user_name):
                raise NotFound(f"no token {display(token_id)!r}", hint="git align token list", code="unknown_token")
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.token == row.number))
            is_new = and_(_TOKENS.c.number == row.number, _TOKENS.c.revoked_at.is_(None))
            if connection.execute(update(_TOKENS).where(is_new).values(revoked_at=now_ms())).rowcount:
                detail = {"name": row.name}
                write_entry(connection, actor=actor, action="token.revoke", subject=token_id, detail=detail)
            return _token(connection, _TOKENS.c.number == row.number)

    def holder(self, text: str) -> Actor | None:
        """Who holds a token; None when it is none, or not valid any more."""
        if not is_well_formed(text):
            return None
        with self._database.reading() as connection:
            return actor_of_token(connection, _TOKENS.c.digest == digest_of(text))


def actor_of_token(connection: Connection, condition: ColumnElement[bool]) -> Actor | None:
    """Who holds the token, as long as it is valid; a personal one gives no more than its person has.

    Args:
        connection: writes down, too, that it was used.
        condition: says which token.
    """
    is_valid = and_(
        _TOKENS.c.revoked_at.is_(None),
        or_(_TOKENS.c.expires_at.is_(None), _TOKENS.c.expires_at > now_ms()),
        or_(_TOKENS.c.person.is_(None), _is_in()),
    )
    for_long = or_(_TOKENS.c.last_used_at.is_(None), _TOKENS.c.last_used_at < now_ms() - _USED_AGAIN_MS)
    query = _with_users().add_columns(for_long.label("is_first_use_for_long")).where(condition, is_valid)
    row = connection.execute(query).first()
    if row is None or (row.person is not None and row.user_id is None):
        return None
    if row.is_first_use_for_long:
        connection.execute(update(_TOKENS).where(_TOKENS.c.number == row.number).values(last_used_at=now_ms()))
    role, repositories = Role(row.role), current_names(connection, row.repository_ids)
    if row.user_id is not None:
        role = role.at_most(Role(row.user_role))
        repositories = common_repositories(repositories, current_names(connection, row.user_repositories))
    return Actor(
        name=token_actor_name(row.name, row.id, user=row.user_name),
        id=row.id,
        role=role,
        repositories=repositories,
        user_id=row.user_id,
    )


def _is_in() -> ColumnElement[bool]:
    """The person may sign in; one who signs in with a provider did so not long ago."""
    is_recent = _USERS.c.last_sign_in_at > now_ms() - _PROVIDER_AGAIN_MS
    return and_(
        _USERS.c.disabled_at.is_(None), _USERS.c.removed_at.is_(None), or_(_USERS.c.issuer.is_(None), is_recent)
    )


def _with_users() -> Select[Any]:
    return select(
        *_TOKENS.c,
        _USERS.c.id.label("user_id"),
        _USERS.c.name.label("user_name"),
        _USERS.c.role.label("user_role"),
        _USERS.c.repository_ids.label("user_repositories"),
    ).join_from(_TOKENS, _USERS, _USERS.c.number == _TOKENS.c.person, isouter=True)


def _token(connection: Connection, condition: ColumnElement[bool]) -> Token:
    row: Row[Any] = connection.execute(_with_users().where(condition)).one()
    return token_of(row, repositories=current_names(connection, row.repository_ids))


def _person(connection: Connection, name: str) -> int:
    is_active = and_(_USERS.c.name == name, _USERS.c.removed_at.is_(None))
    number = connection.execute(select(_USERS.c.number).where(is_active)).scalar()
    if number is None:
        raise NotFound(f"no person {display(name)!r}", hint="git align user list", code="unknown_user")
    return int(number)
