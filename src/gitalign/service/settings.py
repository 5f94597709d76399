"""Settings of the service: one YAML file (`server.yaml`), every key known and every value checked."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from gitalign.configuration.model_faults import model_faults
from gitalign.configuration.section import Section
from gitalign.configuration.strict_yaml import NotStrict, load_yaml
from gitalign.core.accounts import SessionBounds
from gitalign.core.addresses import is_host_name
from gitalign.errors import ConfigError
from gitalign.facade import FencePolicy
from gitalign.input_file import Unreadable, read_bounded
from gitalign.observe.extras import require_library
from gitalign.service.batch_settings import Batches
from gitalign.service.ci_settings import CiIssuer
from gitalign.service.machine_places import places_of_server
from gitalign.service.page_settings import PageSettings
from gitalign.service.provider_settings import Oidc
from gitalign.service.remote_settings import ByAddress, default_database
from gitalign.service.webhook_settings import WebhookSettings
from gitalign.service.working.worker import WorkSettings
from gitalign.store.service.database import ServiceDatabase, Tables, open_service_database

if TYPE_CHECKING:
    from gitalign.service.tracing import ServiceTraces

_LARGEST_BYTES = 1024 * 1024
CONFIG_VARIABLE = "GITALIGN_SERVER_CONFIG"
"""Names the file where the server is started by uvicorn alone."""


class Tls(Section):
    """Certificate and key, in files."""

    certificate: Path
    key: Path


class Server(Section):
    """Where the service listens, and whom it believes.

    Attributes:
        names: host names by which it is reached, beside the loopback ones.
        trusted_proxies: addresses whose `X-Forwarded-*` headers count.
        origins: of other sites whose scripts may use the API with a token.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8484
    names: tuple[str, ...] = ()
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @field_validator("names")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not is_host_name(word):
                raise ValueError(f"{word!r} is not a host name such as align.example.org (without port, path or `*`)")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not ipaddress.ip_network(word).prefixlen:
                raise ValueError(f"{word!r} trusts everybody: name the addresses of the proxies")
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            scheme, _, rest = word.partition("://")
            if scheme not in ("http", "https") or not rest or "/" in rest or "*" in word:
                raise ValueError(f"{word!r} is not an origin such as https://dash.example.org")
        return value

    @model_validator(mode="after")
    def _is_safe(self) -> Server:
        """Refuse an address that others reach, where nothing protects what is sent."""
        if not is_loopback(self.host) and self.tls is None and not self.trusted_proxies:
            raise ValueError(
                f"{self.host} can be reached by other machines: give tls (certificate and key), "
                "or trusted_proxies with the address of the proxy that ends TLS"
            )
        return self

    @property
    def is_https(self) -> bool:
        """True when browsers reach the service with TLS."""
        return self.tls is not None or bool(self.trusted_proxies)

    def allowed_hosts(self) -> list[str]:
        """Values of the Host header that are answered, as starlette compares them: IPv6 in brackets."""
        names = ("localhost", "127.0.0.1", "::1", self.host, *self.names)
        return [*dict.fromkeys(f"[{name}]" if ":" in name else name for name in names)]


class Database(Section):
    """Where the service keeps its own data: a file, or PostgreSQL.

    Attributes:
        file: of SQLite; None for one in the state folder of the user.
        url: of PostgreSQL, without a password.
        upgrade_by_hand: `git align db upgrade` alone makes and changes tables; without it the first process that starts does.
    """

    file: Path | None = None
    url: str | None = None
    password_file: Path | None = None
    upgrade_by_hand: bool = False


class Work(Section):
    """Workers in the process of the server; `git align worker` starts others. See `WorkSettings`."""

    workers: Annotated[int, Field(ge=0, le=64)] = 1
    lease_seconds: Annotated[float, Field(ge=2, le=3_600)] = 30.0
    drain_seconds: Annotated[float, Field(ge=0, le=3_600)] = 20.0
    keep_days: Annotated[float, Field(ge=1, le=36_500)] = 90.0
    fence: FencePolicy = FencePolicy.PREFERRED
    job_seconds: Annotated[float, Field(ge=1, le=7 * 86_400)] = 6 * 3_600.0


class Bounds(Section):
    """What bounds requests.

    Attributes:
        body_bytes: largest body.
        open_jobs: jobs of one repository that wait or run.
        open_jobs_of_user: jobs that one person or token asked for, and that wait or run.
        running_jobs: jobs of one repository that are carried out at once.
        streams: event streams at once.
        stream_seconds: a stream ends after so long; its reader comes back, and whether it still may is decided again.
        requests_per_minute: of one person or token.
        sign_ins_per_minute: failed ones from one address.
        wait_seconds: a request that waits for its job is answered with the job after so long.
        session_hours: a browser stays signed in for so long.
        idle_hours: a browser that asks for nothing stays signed in for so long.
    """

    body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = 1024 * 1024
    open_jobs: Annotated[int, Field(ge=1, le=10_000)] = 100
    open_jobs_of_user: Annotated[int, Field(ge=1, le=10_000)] = 50
    running_jobs: Annotated[int, Field(ge=1, le=1_000)] = 8
    streams: Annotated[int, Field(ge=1, le=10_000)] = 300
    stream_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 1_200
    sign_ins_per_minute: Annotated[int, Field(ge=1, le=1_000)] = 5
    wait_seconds: Annotated[float, Field(ge=0, le=600)] = 25.0
    session_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 12.0
    idle_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 2.0

    def sessions(self) -> SessionBounds:
        """As the store takes them."""
        return SessionBounds(absolute_s=self.session_hours * 3_600, idle_s=self.idle_hours * 3_600)


class Telemetry(Section):
    """Spans of OpenTelemetry (extra `tracing`); its own environment variables say where they go."""

    traces: bool = False


class ServerSettings(Section):
    """All settings of the service."""

    server: Server = Field(default_factory=Server)
    database: Database = Field(default_factory=Database)
    work: Work = Field(default_factory=Work)
    batches: Batches = Field(default_factory=Batches)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    limits: Bounds = Field(default_factory=Bounds)
    oidc: Oidc | None = None
    ci: tuple[CiIssuer, ...] = ()
    repositories: ByAddress = Field(default_factory=ByAddress)
    telemetry: Telemetry = Field(default_factory=Telemetry)
    pages: PageSettings = Field(default_factory=PageSettings)

    @field_validator("ci")
    @classmethod
    def _names_each_issuer_once(cls, value: tuple[CiIssuer, ...]) -> tuple[CiIssuer, ...]:
        if len({one.issuer for one in value}) < len(value):
            raise ValueError("an issuer is named twice: put all of its rules under one")
        return value

    def open_traces(self, environ: Mapping[str, str]) -> ServiceTraces | None:
        """Where spans go; None where none are asked for.

        Raises:
            PluginError: a library is missing.
            ConfigError: see `ServiceTraces`.
        """
        if not self.telemetry.traces:
            return None
        require_library("opentelemetry.sdk.trace", setting="telemetry.traces", extra="tracing")
        from gitalign.service.tracing import ServiceTraces

        return ServiceTraces(environ)

    def work_settings(self) -> WorkSettings:
        """As workers take them.

        Raises:
            ConfigError: the keys of credentials cannot be read.
        """
        work = self.work
        return WorkSettings(
            threads=work.workers,
            lease_s=work.lease_seconds,
            drain_s=work.drain_seconds,
            keep_days=work.keep_days,
            job_s=work.job_seconds,
            batches=self.batches.policy(),
            webhooks=self.webhooks.policy(),
            most_open=self.limits.open_jobs,
            most_running=self.limits.running_jobs,
            remotes=self.repositories.settings(os.environ, fence=work.fence),
            places=self.places(os.environ),
        )

    def places(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Paths of this machine that documents and errors may name -> what others than administrators see instead."""
        database, tls, provider = self.database, self.server.tls, self.oidc
        folders = {
            "state": (database.file or default_database(environ)).parent,
            "repositories": self.repositories.place(environ),
        }
        files = [database.password_file, self.repositories.key_file]
        files += [] if tls is None else [tls.certificate, tls.key]
        files += [] if provider is None else [provider.client_secret_file]
        return places_of_server(folders, files, environ)

    def open_database(self, tables: Tables | None = None) -> ServiceDatabase:
        """The database.

        Args:
            tables: what to do where they are not the newest ones; None as `upgrade_by_hand` says.

        Raises:
            StoreError, ConfigError, PluginError
        """
        mine = self.database
        file = None if mine.url is not None else mine.file or default_database(os.environ)
        wanted = tables or (Tables.NEWEST if mine.upgrade_by_hand else Tables.UPGRADED)
        return open_service_database(file=file, url=mine.url, password_file=mine.password_file, tables=wanted)


def is_loopback(host: str) -> bool:
    """True when only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settings_of(value: Mapping[str, Any], *, whole: str) -> ServerSettings:
    """Settings from plain values.

    Args:
        value: by section and key.
        whole: what they are called in messages.

    Raises:
        ConfigError: every fault at once.
    """
    try:
        return ServerSettings.model_validate(value)
    except ValidationError as error:
        faults = model_faults(error, value, ServerSettings, whole=whole)
        raise ConfigError(f"{whole}: {'; '.join(faults)}", hint="correct it, then start the server again") from error


def read_settings(file: Path | None) -> ServerSettings:
    """Settings from a file; the defaults without one.

    Raises:
        ConfigError: it cannot be read, or holds faults.
    """
    if file is None:
        return ServerSettings()
    try:
        text = read_bounded(file, most_bytes=_LARGEST_BYTES).decode("utf-8-sig")
        value = load_yaml(text)
    except Unreadable as error:
        raise ConfigError(error.message, hint="give a readable file with --config FILE") from error
    except (UnicodeDecodeError, NotStrict) as error:
        raise ConfigError(
            f"{file} is not valid YAML: {error}", hint="write it like this:   server: {port: 8484}"
        ) from error
    if value is not None and not isinstance(value, dict):
        raise ConfigError(f"{file} must hold keys", hint="write it like this:   server: {port: 8484}")
    return settings_of(value or {}, whole=str(file))


def settings_of_environment(environ: Mapping[str, str]) -> ServerSettings:
    """Settings where a server is started without the command line: of the file that the environment names.

    Raises:
        ConfigError
    """
    named = environ.get(CONFIG_VARIABLE)
    return read_settings(Path(named) if named else None)
