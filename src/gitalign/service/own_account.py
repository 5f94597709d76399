"""What people do with their own account: look, change the password, make and revoke personal tokens, end sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.accounts import Actor, Role, Session, Token, User
from gitalign.service.administration import new_personal_token
from gitalign.service.people import new_password
from gitalign.service.problems import NotAllowed
from gitalign.service.state import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccount:
    """An account as its holder sees it.

    Attributes:
        user: the person; None for a token that belongs to none.
        sessions: browsers that are signed in.
        tokens: personal ones, also those that ended.
    """

    user: User | None
    sessions: Sequence[Session]
    tokens: Sequence[Token]


def own_account(service: Service, actor: Actor) -> OwnAccount:
    """The account of who asks."""
    user = None if actor.user_id is None else service.users.with_id(actor.user_id)
    return OwnAccount(
        user=user,
        sessions=service.sessions.listed(actor, service.settings.limits.sessions()),
        tokens=() if user is None else service.accounts.of_user(user.name),
    )


def change_own_password(service: Service, actor: Actor, *, old: str, new: str, address: str) -> None:
    """Change the password of who asks; all other sessions of the person end.

    Args:
        service: of the request.
        actor: a person in a browser.
        old: the password until now.
        new: the one from now on.
        address: of the browser; guessing is limited as at the sign-in.

    Raises:
        NotAllowed: a token asks, or the old password is not right.
        UserError, Contradiction, TooOften
    """
    user = _in_a_browser(service, actor)
    with service.throttle.trying(address, name=user.name) as attempt:
        if user.issuer is None and not service.passwords.is_right(service.users.password_of(user.name), old):
            raise NotAllowed("the old password is not right", hint="type it again", code="wrong_password")
        attempt.has_succeeded = True
    new_password(service.users, service.passwords, user.name, new, actor=actor.name, but_session=actor.session_id)


def new_own_token(
    service: Service, actor: Actor, name: str, *, role: Role, repositories: Sequence[str], days: int
) -> tuple[Token, str]:
    """Make a personal token; see `new_personal_token`.

    Raises:
        NotAllowed: a token asks.
        NotPermitted, UserError, NotFound
    """
    _in_a_browser(service, actor)
    return new_personal_token(service.database, actor, name, role=role, repositories=repositories, days=days)


def revoke_own_token(service: Service, actor: Actor, token_id: str) -> None:
    """End a personal token of who asks.

    Raises:
        NotFound
        NotAllowed: no person asks.
    """
    service.accounts.revoke(token_id, actor=actor.name, user=_person(service, actor).name)


def _in_a_browser(service: Service, actor: Actor) -> User:
    """The person, who signed in with a browser: a stolen token makes no more of them, and changes no password."""
    if actor.session_id is None or actor.user_id != actor.id:
        raise NotAllowed("a token cannot do this", hint="sign in as a person with a browser", code="needs_a_person")
    return _person(service, actor)


def _person(service: Service, actor: Actor) -> User:
    user = None if actor.user_id is None else service.users.with_id(actor.user_id)
    if user is None:
        raise NotAllowed("this is for people", hint="sign in as a person with a browser", code="needs_a_person")
    return user
