"""Certificates that were looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.certificate import Proof
from gitalign.documents.certificates import dump_certificate, dump_certified_check

if TYPE_CHECKING:
    from gitalign.documents.models.proofs import ProofDocument


def dump_proof(value: Proof) -> ProofDocument:
    """A certificate looked at again."""
    return {
        "certificate": dump_certificate(value.certificate),
        "checks": [dump_certified_check(item) for item in value.checks],
        "faults": list(value.faults),
        "standing": value.standing,
        "holds": value.holds,
    }
