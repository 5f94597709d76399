"""Models: snapshots: what a plan was made from."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.snapshot import CheckoutState
from gitalign.documents.models.timestamps import Time


class TipDocument(TypedDict):
    """One ref as it stood in the snapshot."""

    ref: str
    oid: str
    symbolic_target: str | None
    object_type: str


class CheckoutDocument(TypedDict):
    """One work tree and the branch it holds."""

    path: str
    ref: str
    state: CheckoutState
    detail: str


class PushPlaceDocument(TypedDict):
    """Where a branch goes on a remote, or why it goes nowhere."""

    remote: str
    ref: str
    tip: str | None
    held: str
    is_configured: bool
    unpushed: str | None


class EvidenceDocument(TypedDict):
    """What a repository itself says of a long-lived branch."""

    pattern: str
    reason: str
    is_queue: bool


class SnapshotDocument(TypedDict):
    """All refs of a repository, read once."""

    repository: str
    object_format: str
    taken_at: Time
    tips: list[TipDocument]
    checkouts: list[CheckoutDocument]
    remote: str | None
    remote_tips: list[tuple[str, str]]
    is_shallow: bool
    placed: list[tuple[str, str]]
    branches_of: str | None
    taken_in: list[str] | None
    counterparts: list[tuple[str, str]]
    held_here: list[tuple[str, str]]
    push_places: list[tuple[str, PushPlaceDocument]]
    head: str | None
    is_bare: bool
    default_branch: tuple[str, str] | None
    evidence: list[EvidenceDocument]
    lines: list[tuple[str, str]]
    unread: list[str]
    public_targets: list[tuple[str, str, str]]
