"""The verbs of credentials: what git servers ask for, and the keys that encrypt it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import many, safe
from gitalign.cli.server_options import ServerOptions, require_service
from gitalign.cli.verb import verb
from gitalign.documents.service import dump_repositories
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.service.credentials import Credential

Name = Annotated[str, argument(help="Name of the repository.", metavar="NAME")]
KeyFile = Annotated[Path, argument(help="The new file; the service reads it by repositories.key_file.", metavar="FILE")]
_LONGEST = 100_000


@dataclass(frozen=True, kw_only=True)
class Giving:
    """Options of `credential` alone."""

    username: Annotated[
        str | None, option("--username", help="Name for an https address; the password comes on standard input.")
    ] = None
    ssh_key: Annotated[
        Path | None, option("--ssh-key", help="Private key without a passphrase, for an ssh address.", metavar="FILE")
    ] = None
    known_hosts: Annotated[
        Path | None, option("--known-hosts", help="Keys of the server, as ssh keeps them.", metavar="FILE")
    ] = None
    forget: Annotated[bool, option("--forget", help="Forget the credential.")] = False


@verb(acts=True, without=("repo", "config", "yes"))
def credential(name: Name, own: Giving, which: ServerOptions, options: Options) -> int:
    """Give the service what the server of a repository asks for; it is kept encrypted."""
    require_service()
    from gitalign.service.administration import ACTOR, give_credential
    from gitalign.store.service.credentials import Credentials
    from gitalign.store.service.repositories import Repositories

    ways = sum((own.username is not None, own.ssh_key is not None, own.forget))
    if ways != 1:
        raise UserError(
            "give one of --username, --ssh-key and --forget",
            hint=f"git align repo credential {name} --username NAME < FILE",
        )
    with which.database() as database:
        if own.forget:
            Credentials(database).remove(name, actor=ACTOR)
            changed = Repositories(database).get(name)
        else:
            changed = give_credential(database, which.settings(), name, _read(own))
    if options.json:
        emit_json("repositories", dump_repositories([changed]))
    elif not options.quiet:
        console().print(f"{changed.name}: {'forgotten' if own.forget else 'kept, encrypted'}", soft_wrap=True)
    return 0


def _read(own: Giving) -> Credential:
    from gitalign.input_file import read_bounded
    from gitalign.service.credentials import BASIC, SSH, Credential

    if own.username is not None:
        secret = sys.stdin.readline().rstrip("\r\n")
        return Credential(kind=BASIC, username=own.username, secret=secret)
    files = [None if one is None else read_bounded(one, most_bytes=_LONGEST) for one in (own.ssh_key, own.known_hosts)]
    key, hosts = ("" if one is None else one.decode("utf-8", "replace") for one in files)
    return Credential(kind=SSH, secret=key, known_hosts=hosts)


@verb("new-key", acts=True, without=("repo", "config", "yes", "json"))
def new_key(file: KeyFile, options: Options) -> int:
    """Make a key that encrypts credentials. In a file that has keys it becomes the first one; the others still decrypt."""
    require_service()
    from gitalign.output_file import require_writable, write_whole
    from gitalign.service.credentials import keys_of, new_key

    require_writable(file)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    known = keys_of(file, os.environ)
    write_whole(file, "".join(f"{key}\n" for key in (new_key(), *known)))
    if not options.quiet:
        count = many(len(known) + 1, "key", "keys")
        console().print(f"{safe(str(file))}: {count}; keep a copy elsewhere", soft_wrap=True)
    return 0


@verb("rotate-keys", acts=True, without=("repo", "config", "yes", "json"))
def rotate_keys(which: ServerOptions, options: Options) -> int:
    """Encrypt every credential with the newest key, so that older keys can be taken away."""
    from gitalign.service.administration import encrypt_again

    with which.database() as database:
        count = encrypt_again(database, which.settings())
    if not options.quiet:
        console().print(f"{many(count, 'credential', 'credentials')} encrypted with the newest key", soft_wrap=True)
    return 0
