"""Models: where recorded resolutions come from."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.resolution_origin import OriginKind
from gitalign.documents.models.timestamps import Time


class OriginDocument(TypedDict):
    """Where a resolution comes from."""

    kind: OriginKind
    by: str
    at: Time | None
    commit: str
    branch: str
    path: str
    imported_from: str
