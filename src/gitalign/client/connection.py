"""Where a token may be sent, and how."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from gitalign.errors import UserError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def connection(address: str, token: str, *, timeout_s: float, allow_plain_http: bool) -> dict[str, Any]:
    """Settings of httpx for a service: everything that decides where the token is sent, and how.

    Args:
        address: of the service.
        token: `gal_…`; empty for who has none yet.
        timeout_s: of one request, in seconds.
        allow_plain_http: send the token unencrypted to other machines, too.

    Raises:
        UserError: it is no address or no token, or the token would be sent in the clear.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"{address!r} is not the address of a service", hint="for example https://align.example.org")
    is_plain = parts.scheme == "http"
    if is_plain and host not in _LOOPBACK and not allow_plain_http:
        raise UserError(f"the token would be sent to {host} in the clear", hint="use https", code="not_encrypted")
    if not token.isascii() or not token.isprintable() or " " in token:  # httpx would show it in its error
        raise UserError(
            "the token holds characters that no token has",
            hint="copy it again, without spaces and line ends",
            code="bad_token",
        )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # A proxy of the environment is another machine.
    is_direct = is_plain and host in _LOOPBACK
    return {"base_url": address, "headers": headers, "timeout": timeout_s, "trust_env": not is_direct}
