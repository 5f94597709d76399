"""Models: events: rows of the journal and lines of the audit trail."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from gitalign.core.events import EventKind
from gitalign.documents.models.timestamps import Time


class EventDocument(TypedDict):
    """One thing that happened."""

    run_id: str
    seq: int
    at: Time
    kind: EventKind
    branch: str | None
    target: str | None
    data: dict[str, Any]
