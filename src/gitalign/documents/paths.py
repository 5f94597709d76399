"""Who changes and who claims paths, as documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gitalign.core.path_claim import PathClaim
from gitalign.documents.reading import time_text

if TYPE_CHECKING:
    from gitalign.documents.models.paths import PathClaimDocument, PathClaimsDocument


def dump_path_claim(value: PathClaim) -> PathClaimDocument:
    """One claim."""
    return {
        "id": value.id,
        "holder": value.holder,
        "patterns": list(value.patterns),
        "note": value.note,
        "made_at": time_text(value.made_at),
        "until": time_text(value.until),
    }


def dump_path_claims(values: Iterable[PathClaim], *, refused: bool = False, released: int = 0) -> PathClaimsDocument:
    """Claims that hold.

    Args:
        values: claims; those of others that stand in the way, when refused.
        refused: a claim was asked for, and is not kept.
        released: how many claims were given back.
    """
    return {"claims": [dump_path_claim(one) for one in values], "refused": refused, "released": released}
