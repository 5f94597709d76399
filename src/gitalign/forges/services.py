"""Which hosting service is asked about a repository, where it answers, and what it says of a branch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

from gitalign.configuration.load import Config
from gitalign.configuration.protection_settings import Provider
from gitalign.core.branch_rules import BranchProtection, judged
from gitalign.core.hosting import KNOWN_HOSTS, HostedRepository, HostKind, hosted_at
from gitalign.forges import gitea, github, gitlab
from gitalign.forges.asking import Asking, Service, Unanswered

_KINDS: Mapping[HostKind, ModuleType] = {
    HostKind.GITHUB: github,
    HostKind.GITLAB: gitlab,
    HostKind.GITEA: gitea,
    HostKind.FORGEJO: gitea,
}
_INTERFACES = {github: "/api/v3", gitlab: "/api/v4", gitea: "/api/v1"}
_PUBLIC = {"https://github.com": "https://api.github.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """A service that is asked about one repository.

    Attributes:
        kind: of the service.
        api: where its interface is.
        repository: its path there.
        token: of the operator; empty for none.
        timeout_s: of one request.
    """

    kind: HostKind
    api: str
    repository: str
    token: str
    timeout_s: float


def forge_of(config: Config, address: str | None, environ: Mapping[str, str]) -> Forge | str:
    """The service to ask; words where there is none.

    The token goes to a public service, or to an address that the operator gave for this command: what came with the repository
    never says where a secret goes.

    Args:
        config: settings.
        address: of the remote; None when there is no remote.
        environ: holds the token.
    """
    settings = config.protection
    hosted = hosted_at(address, config.pages.services()) if address is not None else None
    kind = _kind(settings.provider, hosted)
    if kind is None or kind not in _KINDS:
        return "the remote is not on a service that can be asked: set protection.provider and protection.api"
    api = settings.api or (_interface(kind, hosted) if hosted is not None else "")
    repository = settings.repository or (hosted.path if hosted is not None else "")
    if missing := [f"protection.{key}" for key, value in (("api", api), ("repository", repository)) if not value]:
        return f"where the service answers is not known: set {' and '.join(missing)}"
    is_public = api in {
        _interface(host.kind, _public(name, host.web)) for name, host in KNOWN_HOSTS.items() if host.kind in _KINDS
    }
    keys = ("protection.api", "pages.hosts", "protection.token_environment")
    if not is_public and any(map(config.is_of_repository, keys[:2])):
        return "protection.api came with the repository: give it by --config, or by GITALIGN_PROTECTION__API"
    if config.is_of_repository(keys[2]):
        return (
            "protection.token_environment came with the repository: give it by --config, or by an environment variable"
        )
    if not is_public and not settings.api:
        return "the service is not a public one: set protection.api"
    token = environ.get(settings.token_environment, "").strip()
    return Forge(kind=kind, api=api.rstrip("/"), repository=repository, token=token, timeout_s=settings.timeout_seconds)


def protections(forge: Forge, config: Config, branches: Iterable[str]) -> tuple[BranchProtection, ...]:
    """What the service says of branches; one of which it says nothing is unknown, with the reason.

    Raises:
        PluginError: the HTTP library is not installed.
    """
    module = _KINDS[forge.kind]
    service = Service(api=forge.api, headers={**_headers(module, forge.token)}, timeout_s=forge.timeout_s)
    found: list[BranchProtection] = []
    with Asking(service) as asking:
        for branch in branches:
            required = config.protection.required_of(branch)
            try:
                found.append(judged(branch, required, module.observed(asking, forge.repository, branch)))
            except Unanswered as fault:
                found.append(BranchProtection(branch=branch, reason=fault.reason))
    return tuple(found)


def _kind(provider: Provider, hosted: HostedRepository | None) -> HostKind | None:
    if provider in (Provider.AUTO, Provider.NONE):
        return hosted.kind if hosted is not None else None
    return HostKind(provider.value)


def _interface(kind: HostKind, hosted: HostedRepository) -> str:
    return _PUBLIC.get(hosted.web, hosted.web + _INTERFACES.get(_KINDS.get(kind, gitea), ""))


def _public(name: str, web: str) -> HostedRepository:
    return HostedRepository(kind=KNOWN_HOSTS[name].kind, web=web or f"https://{name}", path="")


def _headers(module: ModuleType, token: str) -> dict[str, str]:
    own: dict[str, str] = dict(getattr(module, "HEADERS", {}))
    if not token:
        return own
    if module is gitlab:
        return {**own, "PRIVATE-TOKEN": token}
    return {**own, "Authorization": f"{'Bearer' if module is github else 'token'} {token}"}
