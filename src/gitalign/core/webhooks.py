"""Outgoing webhooks as values, and their signatures in the way of Standard Webhooks. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "whsec_"
SECRET_BYTES = 32
RETRY_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after each failed attempt, as Standard Webhooks recommends; after the last one a delivery is given up."""


class DeliveryState(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that receives what became of the jobs of a repository.

    Attributes:
        kinds: of jobs; empty for all.
    """

    id: str
    repository: str
    url: str
    kinds: tuple[str, ...]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to a webhook; every attempt carries the same id.

    Attributes:
        number: later ones have higher numbers.
        status: of HTTP, of the newest attempt.
        detail: why it failed.
    """

    number: int
    id: str
    kind: str
    state: DeliveryState
    attempts: int
    status: int | None
    detail: str
    created_at: datetime
    next_at: datetime | None
    finished_at: datetime | None


def secret_text(random: bytes) -> str:
    """A secret as receivers are given it."""
    return PREFIX + base64.b64encode(random).decode("ascii")


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and the HMAC-SHA256 of id, timestamp and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
