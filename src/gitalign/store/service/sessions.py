"""Sessions of browsers, and links that sign one in once. Secrets come in, and their SHA-256 is what is kept."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from gitalign.core.accounts import Actor, Role, Session, SessionBounds, digest_of
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.store.service import schema
from gitalign.store.service.accounts import actor_of_token
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.grants import current_names

_SESSIONS, _TOKENS, _USERS = schema.sessions, schema.tokens, schema.users
_SEEN_AGAIN_MS = 60_000
_MOST = 50
"""Of one person or token at once: the oldest ones end when more begin."""
_LONGEST_AGENT = 200
_LONGEST_ADDRESS = 64


class Sessions:
    """The sessions of the service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def open(
        self, actor: Actor, secret: str, bounds: SessionBounds, *, seen: tuple[str, str], instead_of: str | None = None
    ) -> None:
        """Begin a session: a person, or the holder of a token, signed in.

        Args:
            actor: who signed in.
            secret: of the session; only its digest is kept.
            bounds: how long it lasts.
            seen: address and name of the browser.
            instead_of: the secret that the browser had before; that session ends.

        Raises:
            NotFound: the person or the token is not there any more.
        """
        with self._database.writing() as connection:
            if instead_of is not None:
                connection.execute(delete(_SESSIONS).where(_SESSIONS.c.digest == digest_of(instead_of)))
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at < now_ms()))
            owner = _owner(connection, actor)
            self._make_room(connection, owner)
            values = {
                **_values(secret, bounds.absolute_s, is_link=False),
                **owner,
                "address": seen[0][:_LONGEST_ADDRESS],
                "agent": display(seen[1])[:_LONGEST_AGENT],
            }
            connection.execute(insert(_SESSIONS).values(**values))
            if owner["person"]:
                mine = _USERS.c.number == owner["person"]
                connection.execute(update(_USERS).where(mine).values(last_sign_in_at=now_ms()))
            detail = {"session": values["id"], "address": values["address"]}
            write_entry(connection, actor=actor.name, action="sign_in", subject=actor.id, detail=detail)

    def add_link(self, token_id: str, *, secret: str, hours: float) -> None:
        """Keep a link that signs a browser in once.

        Args:
            token_id: who signs in.
            secret: of the link; only its digest is kept.
            hours: until it ends.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            number = connection.execute(select(_TOKENS.c.number).where(_TOKENS.c.id == token_id)).scalar()
            if number is None:
                raise NotFound("no such token", code="unknown_token")
            values = {**_values(secret, hours * 3_600, is_link=True), "token": number}
            connection.execute(insert(_SESSIONS).values(**values))

    def use_link(self, secret: str) -> Actor | None:
        """Who signs in with a link, which works this once; None when it does not work."""
        with self._database.writing() as connection:
            is_it = and_(
                _SESSIONS.c.digest == digest_of(secret), _SESSIONS.c.is_link, _SESSIONS.c.expires_at > now_ms()
            )
            number = connection.execute(delete(_SESSIONS).where(is_it).returning(_SESSIONS.c.token)).scalar()
            return None if number is None else actor_of_token(connection, _TOKENS.c.number == number)

    def actor(self, secret: str, bounds: SessionBounds) -> Actor | None:
        """Who is signed in with a browser that has this session; None when it is over."""
        is_valid = and_(
            _SESSIONS.c.digest == digest_of(secret),
            ~_SESSIONS.c.is_link,
            _SESSIONS.c.expires_at > now_ms(),
            _SESSIONS.c.seen_at > now_ms() - int(bounds.idle_s * 1000),
        )
        for_long = (_SESSIONS.c.seen_at < now_ms() - _SEEN_AGAIN_MS).label("is_first_for_long")
        with self._database.reading() as connection:
            row = connection.execute(select(*_SESSIONS.c, for_long).where(is_valid)).first()
            if row is None:
                return None
            if row.is_first_for_long:
                mine = _SESSIONS.c.digest == row.digest
                connection.execute(update(_SESSIONS).where(mine).values(seen_at=now_ms()))
            if row.person:
                actor = actor_of_person(connection, _USERS.c.number == row.person)
            else:
                actor = actor_of_token(connection, _TOKENS.c.number == row.token)
            return None if actor is None else replace(actor, session_id=row.id)

    def listed(self, actor: Actor, bounds: SessionBounds) -> tuple[Session, ...]:
        """The sessions of a person or a token that are not over, newest first."""
        is_on = and_(
            ~_SESSIONS.c.is_link,
            _SESSIONS.c.expires_at > now_ms(),
            _SESSIONS.c.seen_at > now_ms() - int(bounds.idle_s * 1000),
        )
        with self._database.reading() as connection:
            query = select(_SESSIONS).where(_mine(_owner(connection, actor)), is_on)
            rows = connection.execute(query.order_by(_SESSIONS.c.created_at.desc(), _SESSIONS.c.id)).all()
        return tuple(
            Session(
                id=row.id,
                created_at=instant(row.created_at),
                seen_at=instant(row.seen_at),
                expires_at=instant(row.expires_at),
                address=row.address,
                agent=row.agent,
            )
            for row in rows
        )

    def end(self, actor: Actor, session_id: str) -> None:
        """End one of the actor's sessions.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            which = and_(_mine(_owner(connection, actor)), _SESSIONS.c.id == session_id, ~_SESSIONS.c.is_link)
            if not connection.execute(delete(_SESSIONS).where(which)).rowcount:
                raise NotFound(f"no session {display(session_id)!r}", hint="/account", code="unknown_session")
            detail = {"session": session_id}
            write_entry(connection, actor=actor.name, action="session.end", subject=actor.id, detail=detail)

    def close(self, secret: str) -> None:
        """Sign out."""
        with self._database.writing() as connection:
            row = connection.execute(
                delete(_SESSIONS).where(_SESSIONS.c.digest == digest_of(secret)).returning(*_SESSIONS.c)
            ).first()
            if row is None:
                return
            table, number = (_USERS, row.person) if row.person else (_TOKENS, row.token)
            owner = connection.execute(select(table.c.id, table.c.name).where(table.c.number == number)).first()
            if owner is not None:
                detail = {"session": row.id}
                write_entry(connection, actor=owner.name, action="sign_out", subject=owner.id, detail=detail)

    def is_at(self, name: str, address: str) -> bool:
        """True when the person of this name is signed in from this address already."""
        mine = and_(_USERS.c.name == name, _SESSIONS.c.address == address, _SESSIONS.c.expires_at > now_ms())
        query = select(_SESSIONS.c.id).join_from(_SESSIONS, _USERS, _USERS.c.number == _SESSIONS.c.person)
        with self._database.reading() as connection:
            return connection.execute(query.where(mine).limit(1)).first() is not None

    def _make_room(self, connection: Connection, owner: dict[str, int]) -> None:
        query = select(_SESSIONS.c.digest).where(_mine(owner), ~_SESSIONS.c.is_link)
        newest_first = query.order_by(_SESSIONS.c.created_at.desc()).offset(_MOST - 1)
        for digest in list(connection.execute(newest_first).scalars()):
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.digest == digest))


def actor_of_person(connection: Connection, condition: ColumnElement[bool]) -> Actor | None:
    """The person, who may sign in; None for one who may not."""
    is_active = and_(condition, _USERS.c.disabled_at.is_(None), _USERS.c.removed_at.is_(None))
    row = connection.execute(select(_USERS).where(is_active)).first()
    if row is None:
        return None
    repositories = current_names(connection, row.repository_ids)
    return Actor(name=row.name, id=row.id, role=Role(row.role), repositories=repositories, user_id=row.id)


def end_all_of(connection: Connection, person: int, *, but: str | None = None) -> int:
    """End the sessions of a person, and those that began with a personal token.

    Args:
        connection: in a transaction that writes.
        person: number of the user.
        but: id of a session that stays.

    Returns:
        How many ended.
    """
    personal = select(_TOKENS.c.number).where(_TOKENS.c.person == person)
    which = or_(_SESSIONS.c.person == person, _SESSIONS.c.token.in_(personal))
    if but is not None:
        which = and_(which, _SESSIONS.c.id != but)
    return connection.execute(delete(_SESSIONS).where(which)).rowcount


def shut_out(connection: Connection, person: int) -> int:
    """End the sessions of a person, and revoke the personal tokens: neither comes back with the right to sign in.

    Args:
        connection: in a transaction that writes.
        person: number of the user.

    Returns:
        How many sessions ended.
    """
    mine = and_(_TOKENS.c.person == person, _TOKENS.c.revoked_at.is_(None))
    connection.execute(update(_TOKENS).where(mine).values(revoked_at=now_ms()))
    return end_all_of(connection, person)


def _values(secret: str, seconds: float, *, is_link: bool) -> dict[str, Any]:
    return {
        "digest": digest_of(secret),
        "id": secrets.token_hex(4),
        "token": 0,
        "person": 0,
        "is_link": is_link,
        "created_at": now_ms(),
        "seen_at": now_ms(),
        "expires_at": now_ms() + int(seconds * 1000),
    }


def _owner(connection: Connection, actor: Actor) -> dict[str, int]:
    """Numbers of the person and of the token: one is 0. A session that began with a personal token is the token's."""
    is_person = actor.user_id == actor.id
    table = _USERS if is_person else _TOKENS
    number = connection.execute(select(table.c.number).where(table.c.id == actor.id)).scalar()
    if number is None:
        raise NotFound("this account is not there any more", hint="sign in again", code="unknown_account")
    return {"person": number, "token": 0} if is_person else {"person": 0, "token": number}


def _mine(owner: dict[str, int]) -> ColumnElement[bool]:
    return and_(_SESSIONS.c.person == owner["person"], _SESSIONS.c.token == owner["token"])
