"""Who may do what: roles, tokens, and the people and programs that hold them. Pure; randomness is passed in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "gal_"
SECRET_BYTES = 20
"""160 random bits: 32 characters of base 32 without padding."""
EVERY = "*"
"""In place of the names of repositories: all of them."""
_CHECKSUM_LENGTH = 7
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")


class Role(StrEnum):
    """What a holder may do; each includes those before it."""

    VIEWER = "viewer"
    """Look at what is known."""
    OPERATOR = "operator"
    """Find out more: fetch, plan, forecast; stop what is under way."""
    LANDER = "lander"
    """Move branches: run, undo, resume, push."""
    ADMIN = "admin"
    """Register repositories, read the audit trail. Tokens are made on the command line alone."""

    def includes(self, other: Role) -> bool:
        """True when the holder of this role may do what `other` may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The holder of a token, for one request.

    Attributes:
        name: of the token, as it stands in the audit trail.
        token_id: which token.
        repositories: names, or `*`.
    """

    name: str
    token_id: str
    role: Role
    repositories: tuple[str, ...] = (EVERY,)

    def may(self, role: Role) -> bool:
        """True when the actor has that role, or one that includes it."""
        return self.role.includes(role)

    def sees(self, repository: str) -> bool:
        """True when the repository exists for the actor."""
        return self.only_these is None or repository in self.only_these

    @property
    def only_these(self) -> tuple[str, ...] | None:
        """The repositories that exist for the actor; None for all."""
        return None if EVERY in self.repositories else self.repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as the database knows it: everything but the secret."""

    id: str
    name: str
    role: Role
    repositories: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


def token_text(secret: bytes) -> str:
    """The token that is shown once: prefix, secret, checksum.

    Args:
        secret: `SECRET_BYTES` random bytes.
    """
    body = base64.b32encode(secret).decode("ascii").rstrip("=").lower()
    return f"{PREFIX}{body}{_checksum(body)}"


def is_well_formed(text: str) -> bool:
    """True when the text can be a token: a mistyped one is refused without a question to the database."""
    body = text.removeprefix(PREFIX)
    if len(text) > 64 or body == text or not set(body) <= _ALPHABET:
        return False
    return hmac.compare_digest(body[-_CHECKSUM_LENGTH:], _checksum(body[:-_CHECKSUM_LENGTH]))


def digest_of(text: str) -> str:
    """What is stored in place of a secret. Secrets of 160 random bits need no slow hash."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii")).to_bytes(4, "big")
    return base64.b32encode(number).decode("ascii").rstrip("=").lower()
