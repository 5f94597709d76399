"""Tokens and the sessions of browsers. Secrets come in, and their SHA-256 is what is kept."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from gitalign.core.accounts import Actor, Role, Token, digest_of, is_well_formed
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_ms, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import token_of

_TOKENS, _SESSIONS = schema.tokens, schema.sessions
_USED_AGAIN_MS = 60_000
"""The last use of a token is written down at most once a minute."""


class Accounts:
    """Who may use the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, token: Token, *, text: str) -> Token:
        """Keep a token.

        Args:
            token: all but the secret; the time of its creation is the database's.
            text: the token itself, of which only the digest is kept.
        """
        values = {
            "id": token.id,
            "digest": digest_of(text),
            "name": token.name,
            "role": token.role.value,
            "repositories": json.dumps(token.repositories),
            "created_by": token.created_by,
            "created_at": now_ms(),
            "expires_at": as_ms(token.expires_at),
        }
        with self._database.writing() as connection:
            row = connection.execute(insert(_TOKENS).values(**values).returning(*_TOKENS.c)).one()
            said = {"name": token.name, "role": token.role.value, "repositories": list(token.repositories)}
            write_entry(connection, actor=token.created_by, action="token.create", subject=token.id, detail=said)
            return token_of(row)

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first; revoked and expired ones, too."""
        with self._database.reading() as connection:
            return tuple(map(token_of, connection.execute(select(_TOKENS).order_by(_TOKENS.c.number))))

    def revoke(self, token_id: str, *, actor: str) -> Token:
        """End a token and every session that began with it; one that is revoked already stays so.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            row = connection.execute(select(_TOKENS).where(_TOKENS.c.id == token_id)).first()
            if row is None:
                raise NotFound(f"no token {display(token_id)!r}", hint="git align token list", code="unknown_token")
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.token == row.number))
            is_new = and_(_TOKENS.c.number == row.number, _TOKENS.c.revoked_at.is_(None))
            if connection.execute(update(_TOKENS).where(is_new).values(revoked_at=now_ms())).rowcount:
                write_entry(connection, actor=actor, action="token.revoke", subject=token_id)
            return token_of(connection.execute(select(_TOKENS).where(_TOKENS.c.number == row.number)).one())

    def holder(self, text: str) -> Actor | None:
        """Who holds a token; None when it is none, or not valid any more."""
        if not is_well_formed(text):
            return None
        return self._actor(_TOKENS.c.digest == digest_of(text))

    def signed_in(self, session: str) -> Actor | None:
        """Who signed in with a browser that has this session; None when it is over."""
        is_session = and_(
            _SESSIONS.c.digest == digest_of(session), ~_SESSIONS.c.is_link, _SESSIONS.c.expires_at > now_ms()
        )
        return self._actor(_TOKENS.c.number == select(_SESSIONS.c.token).where(is_session).scalar_subquery())

    def open_session(self, token_id: str, *, secret: str, hours: float, is_link: bool = False) -> None:
        """Keep a session, or a link that signs in once.

        Args:
            token_id: who signs in.
            secret: of the session or the link; only its digest is kept.
            hours: until it ends.
            is_link: it is a link.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            number = connection.execute(select(_TOKENS.c.number).where(_TOKENS.c.id == token_id)).scalar()
            if number is None:
                raise NotFound("no such token", code="unknown_token")
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at < now_ms()))
            values = {
                "digest": digest_of(secret),
                "token": number,
                "is_link": is_link,
                "expires_at": now_ms() + int(hours * 3_600_000),
            }
            connection.execute(insert(_SESSIONS).values(**values))

    def use_link(self, secret: str) -> Actor | None:
        """Who signs in with a link, which works this once; None when it does not work."""
        with self._database.writing() as connection:
            is_it = and_(
                _SESSIONS.c.digest == digest_of(secret), _SESSIONS.c.is_link, _SESSIONS.c.expires_at > now_ms()
            )
            number = connection.execute(delete(_SESSIONS).where(is_it).returning(_SESSIONS.c.token)).scalar()
            if number is None:
                return None
            row = _valid(connection, _TOKENS.c.number == number)
        return None if row is None else _as_actor(row)

    def close_session(self, session: str) -> None:
        """Sign out."""
        with self._database.writing() as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.digest == digest_of(session)))

    def _actor(self, condition: Any) -> Actor | None:
        with self._database.reading() as connection:
            row = _valid(connection, condition)
            if row is None:
                return None
            if row.is_first_use_for_long:
                connection.execute(update(_TOKENS).where(_TOKENS.c.number == row.number).values(last_used_at=now_ms()))
            return _as_actor(row)


def _valid(connection: Connection, condition: Any) -> Row[Any] | None:
    is_valid = and_(
        _TOKENS.c.revoked_at.is_(None), or_(_TOKENS.c.expires_at.is_(None), _TOKENS.c.expires_at > now_ms())
    )
    for_long = or_(_TOKENS.c.last_used_at.is_(None), _TOKENS.c.last_used_at < now_ms() - _USED_AGAIN_MS)
    query = select(_TOKENS, for_long.label("is_first_use_for_long")).where(condition, is_valid)
    return connection.execute(query).first()


def _as_actor(row: Row[Any]) -> Actor:
    return Actor(name=row.name, token_id=row.id, role=Role(row.role), repositories=tuple(json.loads(row.repositories)))
