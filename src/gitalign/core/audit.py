"""The audit trail of the service: entries of a hash chain, and how the chain is verified. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BEGINNING = "0" * 64
"""What the first entry follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        number: rises by one.
        at_ms: milliseconds since 1970 by the database's clock.
        actor: name of the token, or `command line`.
        action: such as `job.create` or `token.revoke`.
        subject: what it was done to.
        detail: more, as JSON can say it; never a secret.
        previous: hash of the entry before.
        hash: of this entry.
    """

    number: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    previous: str
    hash: str = ""


def hash_of(entry: AuditEntry) -> str:
    """The hash of an entry: SHA-256 of its fields as compact JSON with sorted keys, the hash before among them."""
    said = {
        "number": entry.number,
        "at_ms": entry.at_ms,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous": entry.previous,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What verifying the chain came to.

    Attributes:
        entries: how many were read.
        head: hash of the last good entry.
        fault: what is wrong with the first bad one; empty when there is none.
    """

    entries: int
    head: str
    fault: str = ""


def verified(entries: Iterable[AuditEntry], *, head: str | None = None) -> AuditCheck:
    """Go along the chain to its end, or to the first fault.

    Args:
        entries: in order, from the first.
        head: a hash that was noted earlier; it must be in the chain.
    """
    previous, count, is_seen = BEGINNING, 0, head in (None, BEGINNING)
    for entry in entries:
        if entry.number != count + 1:
            fault = f"entry {count + 1} is missing"
        elif entry.previous != previous:
            fault = f"entry {entry.number} does not follow the one before it"
        elif entry.hash != hash_of(entry):
            fault = f"entry {entry.number} was changed"
        else:
            fault = ""
        if fault:
            return AuditCheck(entries=count, head=previous, fault=fault)
        previous, count = entry.hash, count + 1
        is_seen = is_seen or previous == head
    fault = "" if is_seen else "the noted head is not in the chain: entries at its end were removed or replaced"
    return AuditCheck(entries=count, head=previous, fault=fault)
