"""Settings of an OpenID provider."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from gitalign.configuration.section import Section
from gitalign.core.accounts import Role
from gitalign.errors import ConfigError
from gitalign.input_file import Unreadable, read_bounded

_LARGEST_BYTES = 4_096


class Oidc(Section):
    """An OpenID provider with which people sign in.

    Attributes:
        issuer: its address, exactly as it calls itself.
        client_secret_file: holds the secret; None for a client without one, which PKCE alone protects.
        groups_claim: where the groups of a person are; asked for at its userinfo when the ID token has none.
        name_claim: what a person is called.
        roles: by group. Who is in none of them gets nothing.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret_file: Path | None = None
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    roles: dict[str, Role] = Field(min_length=1)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        if not is_safe_url(value) or len(value) > 500:
            raise ValueError(f"{value!r} is not an address such as https://id.example.org")
        return value

    @field_validator("scopes")
    @classmethod
    def _has_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("scopes must contain openid")
        return value

    def client_secret(self) -> str | None:
        """The secret; None for a client without one.

        Raises:
            ConfigError: its file cannot be read.
        """
        if self.client_secret_file is None:
            return None
        try:
            text = read_bounded(self.client_secret_file, most_bytes=_LARGEST_BYTES).decode("utf-8").strip()
        except (Unreadable, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the file that oidc.client_secret_file names cannot be read: {self.client_secret_file}",
                hint="make it readable for the service",
            ) from error
        if not text:
            raise ConfigError(f"{self.client_secret_file} holds no secret", hint="write the client secret into it")
        return text


def is_safe_url(url: str) -> bool:
    """True for an https address without user, query and fragment; http only on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username is not None or parts.fragment or not host or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
