"""Certificates that were looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.certificate import Proof
from gitalign.documents.certificates import dump_certificate, dump_certified_check, load_certified_check
from gitalign.documents.certificates import load as load_certificate
from gitalign.documents.reading import as_text, each, field, members

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


def load_proof(value: Any) -> Proof:
    """Reads what `dump_proof` writes; raises `Malformed`. Whether the certificate itself is as it was written is in `faults`."""
    data = members(value)
    return Proof(
        certificate=field(data, "certificate", load_certificate),
        checks=each(data, "checks", load_certified_check),
        faults=each(data, "faults", as_text),
        standing=field(data, "standing", as_text),
    )
