"""Models: branches of which everything is in their target."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.merged import Proof
from gitalign.documents.models.snapshots import PushPlaceDocument


class MergedBranchDocument(TypedDict):
    """A branch of which everything is in its target."""

    branch: str
    target: str
    tip: str
    proof: Proof
    commit: str | None
    kept: str
    remote: str | None
    place: PushPlaceDocument | None
