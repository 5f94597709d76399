"""Models: places in files where two sides differ."""

from __future__ import annotations

from typing_extensions import TypedDict


class HunkSideDocument(TypedDict):
    """One side of a hunk."""

    first: int | None
    last: int | None
    text: list[str]


class HunkDocument(TypedDict):
    """A stretch of a file that both sides changed differently."""

    path: str
    one: HunkSideDocument
    other: HunkSideDocument
