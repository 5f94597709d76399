"""Which repositories a person or a token is for: kept by identity, so that a name given out again gives no access."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from gitalign.core.accounts import EVERY
from gitalign.store.service import schema
from gitalign.store.service.rows import unknown_repository

_REPOSITORIES = schema.repositories
_EVERY_ID = json.dumps([EVERY])


def ids_of(connection: Connection, names: Sequence[str]) -> str:
    """Names of repositories, or `*`, as they are kept.

    Raises:
        NotFound: there is no such repository.
    """
    if EVERY in names:
        return _EVERY_ID
    query = select(_REPOSITORIES.c.name, _REPOSITORIES.c.id).where(_REPOSITORIES.c.name.in_(names))
    ids = {row.name: row.id for row in connection.execute(query)}
    for name in names:
        if name not in ids:
            raise unknown_repository(name)
    return json.dumps([ids[name] for name in names])


def known_names(connection: Connection) -> Mapping[str, str]:
    """Id -> name of every repository."""
    return {row.id: row.name for row in connection.execute(select(_REPOSITORIES.c.id, _REPOSITORIES.c.name))}


def names_of(kept: str | None, known: Mapping[str, str]) -> tuple[str, ...]:
    """The names that kept identities have now; those of removed repositories are left out.

    Args:
        kept: see `ids_of`; None gives access to nothing.
        known: see `known_names`.
    """
    if kept is None:
        return ()
    ids = json.loads(kept)
    return (EVERY,) if EVERY in ids else tuple(known[one] for one in ids if one in known)


def current_names(connection: Connection, kept: str | None) -> tuple[str, ...]:
    """See `names_of`; asks for what is needed alone."""
    if kept == _EVERY_ID:
        return (EVERY,)
    ids = [] if kept is None else json.loads(kept)
    query = select(_REPOSITORIES.c.id, _REPOSITORIES.c.name).where(_REPOSITORIES.c.id.in_(ids))
    return names_of(kept, {row.id: row.name for row in connection.execute(query)})
