"""Models: what became of commits, what detectors found, and resolutions that were applied."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from gitalign.core.findings import Severity
from gitalign.core.outcome import DropReason
from gitalign.documents.models.timestamps import Time


class RewriteDocument(TypedDict):
    """One commit and what became of it; equal ids when it could stay as it is."""

    old: str
    new: str


class DroppedDocument(TypedDict):
    """One commit that is not in the result, and why."""

    oid: str
    reason: DropReason
    subject: str
    upstream: str | None


class FindingDocument(TypedDict):
    """Something a check or detector noticed about an aligned branch."""

    code: str
    severity: Severity
    message: str
    path: str | None
    line: int | None
    detector: str
    introduced_by: Literal["branch", "target", "integration"] | None


class AppliedResolutionDocument(TypedDict):
    """A conflict of one file that was settled without a person."""

    commit: str | None
    path: str
    conflict: str
    recorded_by: str
    recorded_at: Time | None
    source: str
    resolver: str
