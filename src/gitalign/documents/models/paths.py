"""Models: who changes and who claims paths."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.documents.models.timestamps import Time


class PathClaimDocument(TypedDict):
    """Paths that someone works on until a time."""

    id: str
    holder: str
    patterns: list[str]
    note: str
    made_at: Time
    until: Time


class PathClaimsDocument(TypedDict):
    """Claims that hold now; when one was refused, those that stand in its way."""

    claims: list[PathClaimDocument]
    refused: bool
    released: int


class TouchDocument(TypedDict):
    """A branch that changes paths that were asked about."""

    branch: str
    target: str
    paths: list[str]
    commits: list[str]
    missing: int


class TouchesDocument(TypedDict):
    """Branches that change some of these paths."""

    patterns: list[str]
    branches: list[TouchDocument]
