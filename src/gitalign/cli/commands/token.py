"""The verbs of tokens: create, list, revoke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import safe
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.core.accounts import Role
from gitalign.documents.service import dump_tokens

Name = Annotated[str, argument(help="Name of the person or program that holds it.", metavar="NAME")]
Id = Annotated[str, argument(help="Id of a token, as list shows it.", metavar="ID")]


@dataclass(frozen=True, kw_only=True)
class Creating:
    """Options of `create` alone."""

    role: Annotated[Role, option("--role", help="What it may do.")] = Role.VIEWER
    repositories: Annotated[
        tuple[str, ...],
        option("--repository", help="Only this repository; may be given several times.", metavar="NAME"),
    ] = ()
    days: Annotated[
        int | None, option("--days", help="It ends after so many days.", metavar="NUMBER", bounds=(1, 36_500))
    ] = None


@verb(acts=True, without=("repo", "config", "yes"))
def create(name: Name, own: Creating, which: ServerOptions, options: Options) -> int:
    """Make a token, and print it: it is shown this once."""
    from gitalign.service.administration import new_token

    with which.database() as database:
        token, text = new_token(database, name, role=own.role, repositories=own.repositories, days=own.days)
    if options.json:
        emit_json("tokens", dump_tokens([token], text=text))
    else:
        console().print(text, soft_wrap=True, highlight=False)
    return 0


@verb("list", without=("repo", "config", "yes"))
def list_(which: ServerOptions, options: Options) -> int:
    """List every token; never the tokens themselves."""
    from gitalign.store.service.accounts import Accounts

    with which.database() as database:
        tokens = Accounts(database).all()
    if options.json:
        emit_json("tokens", dump_tokens(tokens))
        return 0
    for token in tokens:
        end = "revoked" if token.revoked_at else _day(token.expires_at, "until ") or "no end"
        used = _day(token.last_used_at, "used ") or "never used"
        about = ", ".join(token.repositories)
        cells = (token.id, safe(token.name), token.role, safe(about), end, used)
        console().print("  ".join(cells), soft_wrap=True, highlight=False)
    return 0


@verb(acts=True, without=("repo", "config", "yes"))
def revoke(id: Id, which: ServerOptions, options: Options) -> int:
    """End a token, and every session of a browser that began with it."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.accounts import Accounts

    with which.database() as database:
        token = Accounts(database).revoke(id, actor=ACTOR)
    if options.json:
        emit_json("tokens", dump_tokens([token]))
    elif not options.quiet:
        console().print(f"revoked: {token.id} ({safe(token.name)})", soft_wrap=True)
    return 0


def _day(when: datetime | None, before: str) -> str:
    return "" if when is None else f"{before}{when:%Y-%m-%d}"


token = Group("token", create, list_, revoke, help="Tokens of the service: who may do what.")
