"""What an administrator does on the command line: tokens, links to sign in, jobs. Needs the database alone, no server."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitalign.core.accounts import EVERY, SECRET_BYTES, Actor, Role, Token, token_text
from gitalign.core.addresses import parsed_address
from gitalign.core.jobs import Job, JobKind, NewJob, ServedRepository
from gitalign.core.names import display
from gitalign.core.schedules import Schedule, ScheduledKind, next_tick, quiet_hours
from gitalign.core.webhooks import Webhook
from gitalign.errors import UserError
from gitalign.service.credentials import Credential, Sealer, keys_of, require_fitting
from gitalign.service.identities import require_new
from gitalign.service.people import require_within
from gitalign.service.settings import ServerSettings
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.schedules import Schedules
from gitalign.store.service.sessions import Sessions
from gitalign.store.service.webhooks import Webhooks

ACTOR = "command line"
"""Who did it, in the audit trail."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LINK_HOURS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchedule:
    """A schedule that is asked for; see `Schedule`."""

    kind: ScheduledKind
    cron: str
    zone: str = "UTC"
    quiet: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def require_name(word: str) -> str:
    """A name of a token or a repository, as it may stand in addresses.

    Raises:
        UserError
    """
    if not _NAME.fullmatch(word):
        raise UserError(
            f"{display(word)!r} is not a name for the service",
            hint="use letters, digits, `.`, `_` and `-`, at most 100",
            code="bad_name",
        )
    return word


def new_token(
    database: ServiceDatabase,
    name: str,
    *,
    role: Role,
    repositories: Sequence[str] = (),
    days: float | None = None,
    actor: str = ACTOR,
) -> tuple[Token, str]:
    """Make a token that belongs to no person.

    Args:
        database: of the service.
        name: of its holder.
        role: what it may do.
        repositories: by name; none for all.
        days: until it ends; None for never.
        actor: who makes it.

    Returns:
        What is known of it, and the token itself, which is kept nowhere.

    Raises:
        UserError: the name cannot be used.
        NotFound: there is no such repository.
    """
    token = _token(name, role=role, repositories=repositories, days=days)
    return _kept(database, replace(token, created_by=actor))


def new_personal_token(
    database: ServiceDatabase, actor: Actor, name: str, *, role: Role, repositories: Sequence[str], days: float
) -> tuple[Token, str]:
    """Make a token of a person, for no more than the person may do; see `new_token`.

    Raises:
        UserError, NotFound
        NotAllowed: it is for more than that.
    """
    token = _token(name, role=role, repositories=require_within(actor, role, repositories), days=days)
    return _kept(database, replace(token, created_by=actor.name, user=actor.name))


def _token(name: str, *, role: Role, repositories: Sequence[str], days: float | None) -> Token:
    now = datetime.now(UTC)
    return Token(
        id=secrets.token_hex(4),
        name=require_name(name),
        role=role,
        repositories=tuple(repositories) or (EVERY,),
        created_at=now,
        created_by=ACTOR,
        expires_at=None if days is None else now + timedelta(days=days),
    )


def _kept(database: ServiceDatabase, token: Token) -> tuple[Token, str]:
    text = token_text(secrets.token_bytes(SECRET_BYTES))
    return Accounts(database).add(token, text=text), text


def sign_in_link(database: ServiceDatabase, token: Token, *, address: str) -> str:
    """A link that signs a browser in, once, within an hour.

    Args:
        database: of the service.
        token: who signs in.
        address: of the server.
    """
    secret = secrets.token_urlsafe(32)
    Sessions(database).add_link(token.id, secret=secret, hours=_LINK_HOURS)
    return f"{address}/sign-in/{secret}"


def add_folder(
    database: ServiceDatabase, name: str, path: str, *, config_file: str | None = None, actor: str = ACTOR
) -> ServedRepository:
    """Register a folder on the machine of the workers.

    Raises:
        Contradiction: the name is taken, or the repository has one already.
    """
    repositories = Repositories(database)
    require_new(repositories.all(), path=path, url=None)
    return repositories.add(name, path, config_file=config_file, actor=actor)


def add_by_address(
    database: ServiceDatabase,
    settings: ServerSettings,
    name: str,
    url: str,
    *,
    config_file: str | None = None,
    actor: str = ACTOR,
) -> ServedRepository:
    """Register a repository by its address, and ask for its first fetch, which clones it.

    Raises:
        UserError: the name or the address cannot be used.
        Contradiction: the name is taken.
        NoResources
    """
    require_name(name)
    address = parsed_address(url)
    rules = settings.repositories
    rules.rules.require(address)
    require_new(Repositories(database).all(), path="", url=address.url)
    added = Repositories(database).add_address(
        name, address.url, folder=rules.place(os.environ), config_file=config_file, actor=actor
    )
    ask(database, settings, name, JobKind.FETCH, actor=actor)
    return added


def give_credential(
    database: ServiceDatabase, settings: ServerSettings, name: str, credential: Credential, *, actor: str = ACTOR
) -> ServedRepository:
    """Keep what the server of a repository asks for, encrypted.

    Raises:
        NotFound: there is no such repository.
        UserError: it has no address, or the credential does not fit it.
        ConfigError: the operator named no key.
    """
    repository = Repositories(database).get(name)
    if repository.url is None:
        raise UserError(
            f"{display(name)} is a folder, whose own configuration says how its remotes are reached",
            hint="git align repo add NAME URL registers a repository by address",
            code="no_address",
        )
    address = parsed_address(repository.url)
    require_fitting(credential, address)
    sealer = Sealer(keys_of(settings.repositories.key_file, os.environ))
    sealed = sealer.seal(credential, repository=repository.id, address=address)
    Credentials(database).put(name, kind=credential.kind, sealed=sealed, actor=actor)
    return Repositories(database).get(name)


def encrypt_again(database: ServiceDatabase, settings: ServerSettings, *, actor: str = ACTOR) -> int:
    """Encrypt every credential, and every secret of a webhook, with the newest key; older keys can be taken away then. How many
    credentials there are.

    Raises:
        ConfigError: there is no key, or none opens one of them.
    """
    sealer, credentials = Sealer(keys_of(settings.repositories.key_file, os.environ)), Credentials(database)
    known = credentials.all()
    for repository, sealed in known:
        credentials.replace(repository, before=sealed, after=sealer.sealed_again(sealed))
    seal_webhooks(database, sealer, again=True)
    AuditTrail(database).add(actor=actor, action="credential.rotate", subject="*", detail={"count": len(known)})
    return len(known)


def new_webhook(
    database: ServiceDatabase,
    settings: ServerSettings,
    repository: str,
    url: str,
    *,
    kinds: Sequence[str],
    actor: str = ACTOR,
) -> tuple[Webhook, str]:
    """Register a webhook; its secret is kept encrypted.

    Returns:
        The webhook, and its secret, which is shown once.

    Raises:
        NotFound: there is no such repository.
        UserError: the address cannot be a webhook, or there are too many.
        ConfigError: the operator named no key.
    """
    settings.webhooks.policy().require(url)
    sealer = Sealer(keys_of(settings.repositories.key_file, os.environ))
    return Webhooks(database).add(
        repository, url, kinds=kinds, actor=actor, seal=lambda webhook, secret: sealer.seal_text(secret, of=webhook)
    )


def seal_webhooks(database: ServiceDatabase, sealer: Sealer, *, again: bool = False) -> int:
    """Encrypt the secrets of webhooks that earlier releases kept as they are. How many were written; 0 without a key.

    Args:
        database: of the service.
        sealer: with the operator's keys.
        again: also those that are encrypted, with the newest key.

    Raises:
        ConfigError: no key opens one that is encrypted.
    """
    if not sealer.has_keys:
        return 0
    webhooks, written = Webhooks(database), 0
    for kept in webhooks.secrets():
        if kept.sealed is None:
            written += webhooks.keep_sealed(kept, sealer.seal_text(kept.secret, of=kept.webhook))
        elif again:
            written += webhooks.keep_sealed(kept, sealer.sealed_again(kept.sealed))
    return written


def new_schedule(database: ServiceDatabase, repository: str, new: WantedSchedule, *, actor: str = ACTOR) -> Schedule:
    """Make a schedule.

    Raises:
        UserError: the expression, the zone or the hours cannot be used.
        NotFound, NoResources
    """
    schedules = Schedules(database)
    if new.quiet is not None:
        if new.kind is not ScheduledKind.RUN:
            raise UserError("quiet hours are for runs: a forecast publishes nothing", code="bad_schedule")
        quiet_hours(new.quiet, new.zone)
    now = schedules.now()
    schedule = Schedule(
        id=secrets.token_hex(8),
        repository=repository,
        kind=new.kind,
        cron=" ".join(new.cron.split()),
        zone=new.zone,
        quiet=new.quiet,
        params=new.params,
        created_by=actor,
        created_at=now,
        next_at=next_tick(new.cron, new.zone, after=now),
    )
    return schedules.add(schedule)


def switch_schedule(
    database: ServiceDatabase, repository: str, schedule_id: str, *, on: bool, actor: str = ACTOR
) -> Schedule:
    """Switch a schedule off, or on again from its next time on.

    Raises:
        NotFound
    """
    schedules = Schedules(database)
    if not on:
        return schedules.disable(repository, schedule_id, actor=actor)
    known = schedules.get(repository, schedule_id)
    following = next_tick(known.cron, known.zone, after=schedules.now())
    return schedules.enable(repository, schedule_id, next_at=following, actor=actor)


def ask(
    database: ServiceDatabase, settings: ServerSettings, repository: str, kind: JobKind, *, actor: str = ACTOR
) -> Job:
    """Write a job, which the next free worker carries out.

    Raises:
        NotFound, NoResources
    """
    new = NewJob(repository=repository, kind=kind, created_by=actor)
    return Jobs(database).add(new, job_id=secrets.token_hex(16), most_open=settings.limits.open_jobs)[0]
