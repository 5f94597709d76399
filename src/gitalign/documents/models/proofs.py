"""Models: certificates that were looked at again."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.certificates import CertificateDocument, CertifiedCheckDocument


class ProofDocument(TypedDict):
    """A certificate looked at again."""

    certificate: CertificateDocument
    checks: list[CertifiedCheckDocument]
    faults: list[str]
    standing: str
    holds: bool
