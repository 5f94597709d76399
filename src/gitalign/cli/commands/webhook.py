"""The verbs of webhooks of the service: add, list, deliveries, remove."""

from __future__ import annotations

from typing import Annotated, Any

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.tables import safe
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.documents.webhooks import dump_deliveries, dump_webhooks

Name = Annotated[str, argument(help="Name of the repository.", metavar="REPOSITORY")]
Url = Annotated[str, argument(help="Address that receives what became of jobs.", metavar="URL")]
Id = Annotated[str, argument(help="Id of the webhook, as list shows it.", metavar="ID")]
Kinds = Annotated[
    tuple[str, ...], option("--kind", help="Only jobs of this kind, such as run; can be repeated.", metavar="KIND")
]
_AT_ONCE = 200
_WITHOUT = ("repo", "config", "yes")


def _print(options: Options, document: dict[str, Any], lines: list[str]) -> None:
    import sys

    from gitalign.documents.formats import pieces

    if options.json:
        sys.stdout.writelines(pieces(document, indent=2))
        sys.stdout.write("\n")
    elif not options.quiet:
        for line in lines:
            console().print(safe(line), soft_wrap=True, highlight=False)


@verb(acts=True, without=_WITHOUT)
def add(*, name: Name, url: Url, kinds: Kinds = (), which: ServerOptions, options: Options) -> int:
    """Register a webhook, and print its secret, which is shown once."""
    from gitalign.core.jobs import JobKind
    from gitalign.errors import UserError
    from gitalign.service.administration import new_webhook

    if unknown := [kind for kind in kinds if kind not in set(JobKind)]:
        raise UserError(f"there is no kind of job {unknown[0]!r}", hint=f"one of {', '.join(JobKind)}")
    with which.database() as database:
        added, secret = new_webhook(database, which.settings(), name, url, kinds=kinds)
    _print(options, dump_webhooks([added], secret=secret), [f"added: {added.id} {added.url}", f"secret: {secret}"])
    return 0


@verb("list", without=_WITHOUT)
def list_(*, name: Name, which: ServerOptions, options: Options) -> int:
    """List the webhooks of a repository, without their secrets."""
    from gitalign.store.service.webhooks import Webhooks

    with which.database() as database:
        known = Webhooks(database).of(name)
    lines = [f"{one.id}  {one.url}  {', '.join(one.kinds) or 'every kind'}" for one in known]
    _print(options, dump_webhooks(known), lines)
    return 0


@verb(without=_WITHOUT)
def deliveries(*, name: Name, id: Id, which: ServerOptions, options: Options) -> int:
    """Show what was delivered to a webhook, and what waits for its next attempt."""
    from gitalign.store.service.webhooks import Webhooks

    with which.database() as database:
        hooks = Webhooks(database)
        found = page = hooks.deliveries(name, id, limit=_AT_ONCE)
        while len(page) == _AT_ONCE:
            page = hooks.deliveries(name, id, before=page[-1].number, limit=_AT_ONCE)
            found += page
    lines = [f"{one.id}  {one.kind}  {one.state}  {one.attempts} attempts  {one.detail}" for one in found]
    _print(options, dump_deliveries(found, next_page=None), lines)
    return 0


@verb(acts=True, without=_WITHOUT)
def remove(*, name: Name, id: Id, which: ServerOptions, options: Options) -> int:
    """Forget a webhook with its deliveries."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.webhooks import Webhooks

    with which.database() as database:
        Webhooks(database).remove(name, id, actor=ACTOR)
    _print(options, dump_webhooks(()), [f"removed: {id}"])
    return 0


webhook = Group("webhook", add, list_, deliveries, remove, help="Send the results of jobs to other programs.")
