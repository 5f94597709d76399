"""Pages of a hosting service, from the address of a remote. Pure; no request is made.

An address may hold a password: of it only host, port and path go on. A host that is neither known nor configured has no pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from gitalign.core.forecast import Author


class HostKind(StrEnum):
    """Services whose addresses are known."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    BITBUCKET = "bitbucket"
    BITBUCKET_SERVER = "bitbucket-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A hosting service.

    Attributes:
        kind: whose addresses it has.
        web: address of its pages, where that is not `https://` and the host's name; without a slash at the end.
    """

    kind: HostKind
    web: str = ""


KNOWN_HOSTS: Mapping[str, Host] = {
    "github.com": Host(kind=HostKind.GITHUB),
    "ssh.github.com": Host(kind=HostKind.GITHUB, web="https://github.com"),
    "gitlab.com": Host(kind=HostKind.GITLAB),
    "altssh.gitlab.com": Host(kind=HostKind.GITLAB, web="https://gitlab.com"),
    "codeberg.org": Host(kind=HostKind.FORGEJO),
    "gitea.com": Host(kind=HostKind.GITEA),
    "bitbucket.org": Host(kind=HostKind.BITBUCKET),
    "altssh.bitbucket.org": Host(kind=HostKind.BITBUCKET, web="https://bitbucket.org"),
}
"""Public services, and the second names under which they answer ssh on port 443."""

_TEMPLATES: Mapping[HostKind, Mapping[str, str]] = {
    HostKind.GITHUB: {
        "commit": "/commit/{id}",
        "branch": "/tree/{name}",
        "compare": "/compare/{base}...{name}",
        "author": "/commits?author={email}",
    },
    HostKind.GITLAB: {
        "commit": "/-/commit/{id}",
        "branch": "/-/tree/{name}",
        "compare": "/-/compare/{base}...{name}",
        "author": "/-/commits/HEAD?author={author}",
    },
    HostKind.GITEA: {
        "commit": "/commit/{id}",
        "branch": "/src/branch/{name}",
        "compare": "/compare/{base}...{name}",
    },
    HostKind.BITBUCKET: {
        "commit": "/commits/{id}",
        "branch": "/branch/{name}",
        "compare": "/branches/compare/{name}%0D{base}",
    },
    HostKind.BITBUCKET_SERVER: {
        "commit": "/commits/{id}",
        "branch": "/browse?at=refs/heads/{name}",
        "compare": "/compare/commits?sourceBranch=refs/heads/{name}&targetBranch=refs/heads/{base}",
    },
}
_SCP = re.compile(r"(?:[^@/]*@)?(\[[0-9A-Fa-f:.]+\]|[^:/@\[\]]+):(?!//)(.+)", re.DOTALL)
_WEB = ("http", "https")
_SCHEMES = (*_WEB, "ssh", "git", "git+ssh", "ssh+git")
_HOST = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\]")
_NOREPLY = re.compile(r"(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses of pages about one repository.

    Attributes:
        templates: what a page is about (`commit`, `branch`, `compare`, `author`) -> address with `{id}`, `{name}`, `{base}`, `{email}`
            or `{author}`, to be filled with percent-encoded text in which slashes stay. What the service has no page for is missing.
        profiles: address of a person with `{login}`; empty where the service tells no login by mail address.
    """

    templates: Mapping[str, str]
    profiles: str = ""

    def commit(self, oid: str) -> str | None:
        """Page of a commit."""
        return self._filled("commit", id=oid)

    def branch(self, name: str) -> str | None:
        """Page of a branch."""
        return self._filled("branch", name=name)

    def compare(self, base: str, name: str) -> str | None:
        """What a branch has beyond another."""
        return self._filled("compare", base=base, name=name)

    def author(self, who: Author) -> str | None:
        """Page of a person, or of the commits of one."""
        login = _NOREPLY.fullmatch(who.email)
        if self.profiles and login is not None:
            name = login[1].removesuffix("[bot]")
            return self.profiles.replace("{login}", f"apps/{_quoted(name)}" if name != login[1] else _quoted(name))
        return self._filled("author", email=who.email, author=who.name) if who.email and who.name else None

    def _filled(self, what: str, **values: str) -> str | None:
        made = self.templates.get(what)
        if made is None:
            return None
        return re.sub(r"\{(\w+)\}", lambda match: _quoted(values[match[1]]), made)


def links_of(address: str, hosts: Mapping[str, Host]) -> Links | None:
    """Links for the repository behind the address of a remote; None where its host is unknown, or its path is not a repository's.

    Args:
        address: of a remote: `https://…`, `ssh://…`, `git://…` or `host:path`; anything else has no pages.
        hosts: configured services by `host` or `host:port`; they win over `KNOWN_HOSTS`.

    Source: `git help fetch` (GIT URLS).
    """
    parts = _taken_apart(address)
    if parts is None:
        return None
    scheme, host, port, path = parts
    given = {name.lower(): one for name, one in hosts.items()}
    found = given.get(f"{host}:{port}") or given.get(host) or KNOWN_HOSTS.get(host)
    place = _place(found.kind, path) if found is not None else None
    if found is None or place is None:
        return None
    # The port of ssh is not that of the pages.
    at_port = f":{port}" if port and scheme in _WEB else ""
    own = f"{'http' if scheme == 'http' and host not in KNOWN_HOSTS else 'https'}://{host}{at_port}"
    web = (found.web or own).rstrip("/")
    kind = HostKind.GITEA if found.kind is HostKind.FORGEJO else found.kind
    return Links(
        templates={what: web + place + rest for what, rest in _TEMPLATES[kind].items()},
        profiles=f"{web}/{{login}}" if web == "https://github.com" else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedRepository:
    """A repository on a hosting service.

    Attributes:
        kind: of the service.
        web: address of the service, without a slash at the end.
        path: of the repository there: `owner/name`, or with more parts.
    """

    kind: HostKind
    web: str
    path: str


def hosted_at(address: str, hosts: Mapping[str, Host]) -> HostedRepository | None:
    """The repository behind the address of a remote; None where its host is unknown. Arguments as for `links_of`."""
    parts = _taken_apart(address)
    if parts is None:
        return None
    scheme, host, port, path = parts
    given = {name.lower(): one for name, one in hosts.items()}
    found = given.get(f"{host}:{port}") or given.get(host) or KNOWN_HOSTS.get(host)
    if found is None or _place(found.kind, path) is None:
        return None
    at_port = f":{port}" if port and scheme in _WEB else ""
    own = f"{'http' if scheme == 'http' and host not in KNOWN_HOSTS else 'https'}://{host}{at_port}"
    path = unquote(path).strip("/").removesuffix(".git")
    return HostedRepository(kind=found.kind, web=(found.web or own).rstrip("/"), path=path)


def _taken_apart(address: str) -> tuple[str, str, str, str] | None:
    """Scheme, host in lower case, port, and path; without user and password."""
    if "://" in address:
        try:
            read = urlsplit(address)
            host, port = read.hostname or "", str(read.port or "")
        except ValueError:
            return None
        if read.scheme not in _SCHEMES or not read.netloc:
            return None
        scheme, path = read.scheme, read.path
    else:
        match = _SCP.fullmatch(address)
        if match is None:
            return None
        scheme, host, port, path = "ssh", match[1].lower(), "", match[2]
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if _HOST.fullmatch(host) is None:
        return None
    return scheme, host, port, path


def _place(kind: HostKind, path: str) -> str | None:
    """Path of the repository's pages, quoted, with a slash in front."""
    parts = unquote(path).strip("/").removesuffix("/").removesuffix(".git").split("/")
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        return None
    if kind is HostKind.BITBUCKET_SERVER:
        *above, owner, name = parts[1:] if parts[0] == "scm" else parts if len(parts) > 1 else ["", *parts]
        where = f"users/{_quoted(owner[1:])}" if owner.startswith("~") else f"projects/{_quoted(owner)}"
        return f"/{where}/repos/{_quoted(name)}" if owner and not above else None
    if len(parts) < 2 or (len(parts) > 2 and kind in (HostKind.GITHUB, HostKind.BITBUCKET)):
        return None
    return "/" + "/".join(map(_quoted, parts))


def _quoted(words: str) -> str:
    return quote(words.encode("utf-8", "surrogateescape"), safe="/")
