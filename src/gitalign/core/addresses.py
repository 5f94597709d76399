"""Addresses of git servers: which are well formed, and which machines they may name. Pure.

Sources: `git help clone` (GIT URLS), RFC 3986, RFC 1123 (host names), the registries of special addresses that
`ipaddress.ip_address(…).is_global` follows.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from gitalign.core.names import display
from gitalign.errors import UserError

_PORTS = {"https": 443, "http": 80, "ssh": 22}
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
_PATH = re.compile(r"/[A-Za-z0-9._~/+@%:,=-]{1,1000}")
_LONGEST = 253
_LIKE_THIS = "write it like https://git.example.org/team/shop.git or ssh://git@git.example.org/team/shop.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAddress:
    """Where a repository is on a git server.

    Attributes:
        scheme: `https`, `http` or `ssh`.
        host: a name or an address, in lower case, IPv6 without brackets.
        port: that of the scheme where none is named.
        user: with `ssh`.
        path: with its slash.
    """

    scheme: str
    host: str
    port: int
    user: str | None
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, always with the port: what credentials are given for."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"

    @property
    def identity(self) -> tuple[str, int | None, str]:
        """Equal for addresses of the same repository: by https or ssh, as any user, with and without `.git` or slash."""
        port = None if self.port == _PORTS[self.scheme] else self.port
        return self.host.rstrip("."), port, "/" + self.path.strip("/").removesuffix(".git").rstrip("/")

    @property
    def url(self) -> str:
        """As git takes it."""
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{user}{_bracketed(self.host)}{port}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Which addresses an operator allows.

    Attributes:
        schemes: of URLs.
        hosts: `git.example.org`, `*.example.org`, `git.example.org:8443`, or `*`; without a port that of the scheme is meant.
        allows_private: machines that are not on the public internet may be named, too.
    """

    schemes: Sequence[str] = ("https", "ssh")
    hosts: Sequence[str] = ()
    allows_private: bool = False

    def require(self, address: RemoteAddress) -> None:
        """Refuse an address that is not allowed by its scheme, host or port.

        Raises:
            UserError
        """
        if not self.hosts:
            raise UserError(
                "this service clones no repositories by address",
                hint="name the hosts in repositories.hosts of its settings",
                code="address_not_allowed",
            )
        if address.scheme not in self.schemes:
            raise UserError(
                f"the scheme {address.scheme} is not allowed: {', '.join(self.schemes)}",
                hint="see repositories.schemes in the settings of the service",
                code="address_not_allowed",
            )
        if not any(_is_host_allowed(address, rule) for rule in self.hosts):
            raise UserError(
                f"the host {display(address.host)}:{address.port} is not allowed",
                hint="see repositories.hosts in the settings of the service",
                code="address_not_allowed",
            )

    def require_reachable(self, host: str, found: Sequence[str]) -> None:
        """Refuse a host with an address in a network that is not public.

        Args:
            host: its name, for the message.
            found: every address it has.

        Raises:
            UserError
        """
        if self.allows_private:
            return
        private = [one for one in found if not is_public(one)]
        if private:
            raise UserError(
                f"the host {display(host)} is at {private[0]}, which is not a public address",
                hint="see repositories.private_addresses in the settings of the service",
                code="address_not_allowed",
            )


def parsed_address(url: str) -> RemoteAddress:
    """The parts of an address.

    Raises:
        UserError: it is not one of a git server, or holds a password, options for programs, or characters that URLs escape.
    """
    if not all("!" <= character <= "~" for character in url):
        raise _bad("an address holds characters of ASCII alone, without blanks")  # `urlsplit` would drop line breaks
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise _bad(f"{display(url[:200])!r} is not an address: {error}") from error
    if parts.scheme not in _PORTS:
        raise _bad(f"{display(url[:200])!r} has no scheme such as https or ssh")
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise _bad("an address must not hold a name or a password", "give them with: git align repo credential NAME")
    if parts.username is not None and not _USER.fullmatch(parts.username):
        raise _bad("the name of the user in the address is not one")
    if not (is_host_name(host) or _is_ip(host)) or host.startswith("-"):
        raise _bad(f"{display(host[:200])!r} is not a host")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise _bad("an address must not hold `?` or `#`")
    if not _PATH.fullmatch(parts.path) or any(one.startswith("-") for one in parts.path.split("/")):
        raise _bad("the path of the address is missing, or holds characters that are not allowed")
    return RemoteAddress(
        scheme=parts.scheme,
        host=host.lower(),
        port=_PORTS[parts.scheme] if port is None else port,
        user=parts.username,
        path=parts.path,
    )


def is_host_name(word: str) -> bool:
    """True for a name of a host, without a port; an IPv4 address looks like one."""
    return len(word) <= _LONGEST and _HOST.fullmatch(word) is not None


def is_public(address: str) -> bool:
    """True for an address of the public internet; of an IPv6 address that stands for an IPv4 one, that one counts.

    Args:
        address: of IPv4 or IPv6; a scope such as `%eth0` makes it a local one.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return False
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        inner = found.sixtofour or (found.teredo or (None, None))[1] or _translated(found)
        if inner is not None and not is_public(str(inner)):
            return False
        return found.is_global and not found.is_multicast
    return found.is_global and not found.is_multicast and not found.is_reserved


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address behind one of NAT64 (RFC 6052)."""
    if address not in ipaddress.IPv6Network("64:ff9b::/96"):
        return None
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_host_allowed(address: RemoteAddress, rule: str) -> bool:
    if rule == "*":
        return True
    host, _, port = rule.rpartition(":") if _has_port(rule) else (rule, "", "")
    wanted = int(port) if port else _PORTS[address.scheme]
    return address.port == wanted and fnmatchcase(address.host, host.strip("[]").lower())


def _has_port(rule: str) -> bool:
    return re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:]+):[0-9]{1,5}", rule) is not None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _bad(message: str, hint: str = _LIKE_THIS) -> UserError:
    return UserError(message, hint=hint, code="bad_address")
