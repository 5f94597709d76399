"""Models: certificates: what was made of a branch, with its digest."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.certificate import CheckName, PatchVerdict
from gitalign.core.outcome import AlignedKind
from gitalign.documents.models.findings import AppliedResolutionDocument, DroppedDocument


class CommitProofDocument(TypedDict):
    """One commit and what it became."""

    old: str
    new: str
    patch: PatchVerdict


class CertifiedCheckDocument(TypedDict):
    """One proof that was tried."""

    name: CheckName
    passed: bool
    detail: str


class CertificateDocument(TypedDict):
    """An aligned branch with its proofs."""

    run_id: str
    plan_id: str
    ref: str
    target_ref: str
    how: AlignedKind
    before: str
    onto: str
    after: str
    tree: str
    commits: list[CommitProofDocument]
    dropped: list[DroppedDocument]
    checks: list[CertifiedCheckDocument]
    tool_version: str
    git_version: str
    resolved: list[AppliedResolutionDocument]
    rung: str
    climbed: list[str]
    of: str
    remote: str
    digest: str
