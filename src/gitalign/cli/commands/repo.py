"""The verbs of repositories of the service: add, list, fetch, remove."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import safe
from gitalign.cli.repo_credentials import credential, new_key, rotate_keys
from gitalign.cli.server_options import ServerOptions
from gitalign.cli.verb import Group, verb
from gitalign.documents import jobs as job_documents
from gitalign.documents.service import dump_repositories

Name = Annotated[str, argument(help="Name of the repository, as it stands in addresses.", metavar="NAME")]
Place = Annotated[
    str, argument(help="The repository: a folder as the workers see it, or an address.", metavar="PATH|URL")
]
Settings = Annotated[
    Path | None,
    option(
        "--settings",
        help="Configuration file for it (YAML).",
        shown_default="<git dir>/gitalign/config.yaml",
        metavar="FILE",
    ),
]


@verb(acts=True, without=("repo", "config", "yes"))
def add(*, name: Name, place: Place, settings: Settings = None, which: ServerOptions, options: Options) -> int:
    """Register a repository with the service: a folder, or an address that it clones."""
    from gitalign.git.discovery import discover
    from gitalign.service.administration import add_by_address, add_folder, require_name

    require_name(name)
    file = None if settings is None else str(settings.absolute())
    is_address = "://" in place
    if not is_address:
        discover(Path(place), executable="git", environ=os.environ)  # refuses what is not a repository
    with which.database() as database:
        if is_address:
            added = add_by_address(database, which.settings(), name, place, config_file=file)
        else:
            added = add_folder(database, name, str(Path(place).absolute()), config_file=file)
    if options.json:
        emit_json("repositories", dump_repositories([added]))
    elif not options.quiet:
        console().print(f"added: {added.name} {safe(added.url or added.path)}", soft_wrap=True)
    return 0


@verb("list", without=("repo", "config", "yes"))
def list_(which: ServerOptions, options: Options) -> int:
    """List the repositories of the service."""
    from gitalign.store.service.repositories import Repositories

    with which.database() as database:
        known = Repositories(database).all()
    if options.json:
        emit_json("repositories", dump_repositories(known))
        return 0
    for one in known:
        console().print(f"{one.name}  {safe(one.url or one.path)}", soft_wrap=True, highlight=False)
    return 0


@verb(acts=True, without=("repo", "config", "yes"))
def fetch(name: Name, which: ServerOptions, options: Options) -> int:
    """Ask the service to fetch; a worker does it."""
    from gitalign.core.jobs import JobKind
    from gitalign.service.administration import ask

    with which.database() as database:
        job = ask(database, which.settings(), name, JobKind.FETCH)
    if options.json:
        emit_json("job", job_documents.dump(job))
    elif not options.quiet:
        console().print(f"asked for: job {job.id}", soft_wrap=True)
    return 0


@verb(acts=True, without=("repo", "config"))
def remove(name: Name, which: ServerOptions, options: Options) -> int:
    """Forget a repository and its jobs; its folder, journal and branches stay."""
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.repositories import Repositories

    with which.database() as database:
        repositories = Repositories(database)
        known = repositories.get(name)
        question = f"Forget {safe(known.name)} with its jobs? Its folder stays as it is."
        if not asked(options, question, would="forget a repository", look=""):
            return 1
        repositories.remove(name, actor=ACTOR)
    if options.json:
        emit_json("repositories", dump_repositories([known]))
    elif not options.quiet:
        console().print(f"removed: {known.name}", soft_wrap=True)
    return 0


repo = Group(
    "repo", add, list_, fetch, remove, credential, new_key, rotate_keys, help="Repositories that the service works on."
)
