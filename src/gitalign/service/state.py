"""What the routes of one server share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from gitalign.service.administration import seal_webhooks
from gitalign.service.credentials import Sealer, keys_of
from gitalign.service.feed import EventFeed
from gitalign.service.passwords import Passwords
from gitalign.service.settings import ServerSettings
from gitalign.service.throttle import Throttle
from gitalign.service.working.worker import Workers
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.events import EventReader
from gitalign.store.service.health import HealthRecords
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.sessions import Sessions
from gitalign.store.service.users import Users

if TYPE_CHECKING:
    from gitalign.service.tracing import ServiceTraces

if TYPE_CHECKING:
    from gitalign.service.ci_settings import CiIssuer
    from gitalign.service.ci_tokens import CiIssuers
    from gitalign.service.openid import OpenIdProvider
    from gitalign.service.provider_settings import Oidc


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An open database with its families, the event feed, and the workers of this process."""

    settings: ServerSettings
    database: ServiceDatabase
    repositories: Repositories
    jobs: Jobs
    health: HealthRecords
    accounts: Accounts
    users: Users
    sessions: Sessions
    passwords: Passwords
    provider: OpenIdProvider | None
    ci: CiIssuers | None
    audit: AuditTrail
    feed: EventFeed
    throttle: Throttle
    workers: Workers
    traces: ServiceTraces | None

    def require_ready(self) -> None:
        """Ask the database something.

        Raises:
            StoreError: it does not answer.
        """
        self.jobs.listed(JobFilter(), limit=1)


def opened_service(settings: ServerSettings) -> Service:
    """Open the database and make the rest; nothing works yet.

    Raises:
        StoreError, ConfigError, PluginError
    """
    traces = settings.open_traces(os.environ)
    database = settings.open_database()
    seal_webhooks(database, Sealer(keys_of(settings.repositories.key_file, os.environ)))
    return Service(
        settings=settings,
        database=database,
        repositories=Repositories(database),
        jobs=Jobs(database),
        health=HealthRecords(database),
        accounts=Accounts(database),
        users=Users(database),
        sessions=Sessions(database),
        passwords=Passwords(),
        provider=None if settings.oidc is None else _provider(settings.oidc),
        ci=_ci(settings.ci) if settings.ci else None,
        audit=AuditTrail(database),
        feed=EventFeed(
            EventReader(database), most_streams=settings.limits.streams, stream_s=settings.limits.stream_seconds
        ),
        throttle=Throttle(settings.limits),
        workers=Workers(database, settings.work_settings(), traces=traces),
        traces=traces,
    )


def _provider(settings: Oidc) -> OpenIdProvider:
    from gitalign.service.openid import opened_provider  # slow to import, and needed by few

    return opened_provider(settings)


def _ci(settings: tuple[CiIssuer, ...]) -> CiIssuers:
    from gitalign.service.ci_tokens import CiIssuers  # as slow

    return CiIssuers(settings)


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request came to."""
    service: Service = connection.app.state.service
    return service
