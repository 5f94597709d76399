"""The verbs of people: add, list, disable, enable, password, role, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.password_options import PasswordOptions
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import safe
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.core.accounts import EVERY, Role, User
from gitalign.documents.service import dump_users

Name = Annotated[str, argument(help="Name of the person, to sign in with.", metavar="NAME")]
NewRole = Annotated[Role, argument(help="What the person may do from now on.", metavar="ROLE")]
Repositories = Annotated[
    tuple[str, ...],
    option("--repository", help="Only this repository; may be given several times.", metavar="NAME"),
]


@dataclass(frozen=True, kw_only=True)
class Adding:
    """Options of `add` alone."""

    role: Annotated[Role, option("--role", help="What the person may do.")] = Role.VIEWER
    repositories: Repositories = ()
    no_password: Annotated[
        bool, option("--no-password", help="Set no password yet: the person cannot sign in before one is set.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Changing:
    """Options of `role` alone."""

    repositories: Repositories = ()
    all_repositories: Annotated[bool, option("--all-repositories", help="For all repositories from now on.")] = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Options of `list` alone."""

    all: Annotated[bool, option("--all", help="Also people who were removed.")] = False


@verb(acts=True, without=("repo", "config", "yes"))
def add(name: Name, own: Adding, given: PasswordOptions, which: ServerOptions, options: Options) -> int:
    """Add a person, with a password that is asked for."""
    from gitalign.service.administration import ACTOR
    from gitalign.service.people import new_user, require_user_name

    require_user_name(name)
    with which.database() as database:
        password = None if own.no_password else given.password()
        user = new_user(database, name, role=own.role, repositories=own.repositories, password=password, actor=ACTOR)
    return _done("added", user, options)


@verb("list", without=("repo", "config", "yes"))
def list_(own: Listing, which: ServerOptions, options: Options) -> int:
    """List people, and what each may do."""
    from gitalign.store.service.users import Users

    with which.database() as database:
        users = Users(database).all(with_removed=own.all)
    if options.json:
        emit_json("users", dump_users(users))
        return 0
    for user in users:
        last = user.last_sign_in_at
        cells = (
            safe(user.name),
            user.role,
            safe(", ".join(user.repositories)) or "no repository",
            _state(user),
            "never signed in" if last is None else f"signed in {last:%Y-%m-%d}",
        )
        console().print("  ".join(cells), soft_wrap=True, highlight=False)
    return 0


@verb(acts=True, without=("repo", "config", "yes"))
def disable(name: Name, which: ServerOptions, options: Options) -> int:
    """Keep a person out: sessions end at once, personal tokens do not work."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.users import Users

    with which.database() as database:
        user = Users(database).disable(name, actor=ACTOR)
    return _done("disabled", user, options)


@verb(acts=True, without=("repo", "config", "yes"))
def enable(name: Name, which: ServerOptions, options: Options) -> int:
    """Let a disabled person in again."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.users import Users

    with which.database() as database:
        user = Users(database).enable(name, actor=ACTOR)
    return _done("enabled", user, options)


@verb(acts=True, without=("repo", "config", "yes"))
def password(name: Name, given: PasswordOptions, which: ServerOptions, options: Options) -> int:
    """Set a new password; every session of the person ends."""
    from gitalign.service.administration import ACTOR
    from gitalign.service.people import new_password, opened_passwords
    from gitalign.store.service.users import Users

    with which.database() as database:
        users = Users(database)
        users.get(name)
        user = new_password(users, opened_passwords(), name, given.password(), actor=ACTOR)
    return _done("password set", user, options)


@verb(acts=True, without=("repo", "config", "yes"))
def role(name: Name, role: NewRole, own: Changing, which: ServerOptions, options: Options) -> int:
    """Change what a person may do, at once."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.users import Users

    repositories = (EVERY,) if own.all_repositories else own.repositories or None
    with which.database() as database:
        user = Users(database).set_role(name, role=role, repositories=repositories, actor=ACTOR)
    return _done(f"{user.role}", user, options)


@verb(acts=True, without=("repo", "config"))
def remove(name: Name, which: ServerOptions, options: Options) -> int:
    """Remove a person for good. The name stays taken; disable keeps a person out for a while."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.users import Users

    with which.database() as database:
        users = Users(database)
        users.get(name)
        question = f"Remove {safe(name)} for good? Sessions end, and personal tokens are revoked."
        if not asked(options, question, would="remove a person", look=""):
            return 1
        user = users.remove(name, actor=ACTOR)
    return _done("removed", user, options)


def _state(user: User) -> str:
    if user.removed_at is not None:
        return "removed"
    if user.disabled_at is not None:
        return "disabled"
    if user.issuer is not None:
        return f"signs in with {safe(user.issuer)}"
    return "active" if user.has_password else "no password yet"


def _done(act: str, user: User, options: Options) -> int:
    if options.json:
        emit_json("users", dump_users([user]))
    elif not options.quiet:
        console().print(f"{act}: {safe(user.name)}", soft_wrap=True, highlight=False)
    return 0


user = Group(
    "user", add, list_, disable, enable, password, role, remove, help="People of the service: who may do what."
)
