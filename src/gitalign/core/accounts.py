"""Who may do what: roles, people, tokens, sessions. Pure; randomness is passed in."""

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
    """Register repositories, manage people and tokens, read the audit trail."""

    def includes(self, other: Role) -> bool:
        """True when the holder of this role may do what `other` may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)

    def at_most(self, other: Role) -> Role:
        """The lower one of both roles."""
        return other if self.includes(other) else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or a token, for one request.

    Attributes:
        name: as it stands in the audit trail and in jobs. No two are equal: that of a token carries its id.
        id: of the person or the token.
        repositories: names, or `*`.
        user_id: of the person, also where a personal token of that person is used; None for other tokens.
        session_id: of the browser's session; None where a token came with the request.
    """

    name: str
    id: str
    role: Role
    repositories: tuple[str, ...] = (EVERY,)
    user_id: str | None = None
    session_id: str | None = None

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
    """A token as the database knows it: everything but the secret.

    Attributes:
        repositories: names, or `*`. Repositories that were removed are not among them.
        user: name of the person whose personal token it is; None for others.
        issuer: of the CI whose run got it; None for others.
    """

    id: str
    name: str
    role: Role
    repositories: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    user: str | None = None
    issuer: str | None = None

    def has_ended(self, now: datetime) -> bool:
        """True when it is revoked or over."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person.

    Attributes:
        repositories: names, or `*`. Repositories that were removed are not among them.
        issuer: OpenID provider that the person signs in with; None for a password.
        has_password: False before one is set.
        removed_at: a removed person does not come back; the name stays taken, so that the audit trail stays unambiguous.
    """

    id: str
    name: str
    role: Role
    repositories: tuple[str, ...]
    issuer: str | None
    has_password: bool
    created_at: datetime
    created_by: str
    disabled_at: datetime | None = None
    removed_at: datetime | None = None
    last_sign_in_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """True when the person may sign in."""
        return self.disabled_at is None and self.removed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that is signed in.

    Attributes:
        address: that it signed in from.
        agent: what the browser calls itself.
    """

    id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBounds:
    """How long a browser stays signed in, in seconds.

    Attributes:
        absolute_s: from its sign-in.
        idle_s: after its last request.
    """

    absolute_s: float
    idle_s: float


def token_actor_name(name: str, token_id: str, *, user: str | None = None) -> str:
    """What a token is called where it did something; the id keeps two of the same name apart.

    Args:
        name: of the token.
        token_id: its id.
        user: whose personal token it is.
    """
    said = name[:80] if user is None else f"{user[:40]}/{name[:40]}"
    return f"{said} ({token_id})"


def common_repositories(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """What two lists of repositories both allow; either may be `*`."""
    if EVERY in one:
        return other
    return one if EVERY in other else tuple(name for name in one if name in other)


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
