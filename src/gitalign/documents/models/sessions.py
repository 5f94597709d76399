"""Models: manual resolutions."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.timestamps import Time


class SessionDocument(TypedDict):
    """A branch that a person is resolving, as the journal keeps it."""

    ref: str
    branch: str
    target: str
    seen: str
    onto: str
    folder: str
    plan: str
    is_merge: bool
    opened_at: Time
    settings: str
