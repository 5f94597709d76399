"""What is done with people, from the command line and over HTTP alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.core.accounts import EVERY, Actor, Role, User
from gitalign.core.names import display
from gitalign.errors import NotPermitted, PluginError, UserError
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.users import Users

if TYPE_CHECKING:
    from gitalign.service.passwords import Passwords

_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def require_user_name(word: str) -> str:
    """A name of a person. Lower case alone, so that no two names differ by it.

    Raises:
        UserError
    """
    if not _USER_NAME.fullmatch(word):
        raise UserError(
            f"{display(word[:80])!r} is not a name for a person",
            hint="use lower-case letters, digits, `.`, `_` and `-`, at most 64",
            code="bad_name",
        )
    return word


def new_user(
    database: ServiceDatabase,
    name: str,
    *,
    role: Role,
    repositories: Sequence[str] = (),
    password: str | None,
    actor: str,
) -> User:
    """Add a person.

    Args:
        database: of the service.
        name: to sign in with.
        role: what the person may do.
        repositories: by name; none for all.
        password: the first one; None: the person cannot sign in before one is set.
        actor: who adds the person.

    Raises:
        UserError: name or password cannot be used.
        Contradiction: the name is taken.
        NotFound: there is no such repository.
    """
    require_user_name(name)
    hashed = None if password is None else hashed_password(opened_passwords(), password, name=name)
    return Users(database).add(
        name, role=role, repositories=tuple(repositories) or (EVERY,), password=hashed, actor=actor
    )


def opened_passwords() -> Passwords:
    """What hashes passwords.

    Raises:
        PluginError: its library is not installed.
    """
    try:
        from gitalign.service.passwords import Passwords
    except ImportError as error:
        raise PluginError(
            f"passwords need {error.name}, which is not installed", hint="pip install 'git-align[service]'"
        ) from error
    return Passwords()


def hashed_password(passwords: Passwords, password: str, *, name: str) -> str:
    """What is kept of a new password of a person.

    Raises:
        UserError: it cannot be used.
    """
    from gitalign.service.passwords import require_good

    return passwords.hashed(require_good(password, name=name))


def new_password(
    users: Users, passwords: Passwords, name: str, password: str, *, actor: str, but_session: str | None = None
) -> User:
    """Set a password; see `Users.set_password`.

    Raises:
        UserError, NotFound, Contradiction
    """
    users.get(name)
    hashed = hashed_password(passwords, password, name=name)
    return users.set_password(name, hashed, actor=actor, but_session=but_session)


def require_within(actor: Actor, role: Role, repositories: Sequence[str]) -> tuple[str, ...]:
    """Refuse a personal token for more than its person may do.

    Returns:
        The repositories of the token; those of the person when none are named.

    Raises:
        NotPermitted
    """
    if not actor.may(role):
        raise NotPermitted(f"you have the role {actor.role}, so a token of yours cannot have {role}")
    unseen = [name for name in repositories if not actor.sees(name)]
    if unseen:
        raise NotPermitted(f"you do not see a repository {display(unseen[0])!r}")
    return tuple(repositories) or actor.repositories
