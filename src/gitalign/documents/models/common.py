"""What many documents have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601, in UTC with Z")]


class Stamped(TypedDict):
    """A document that says what it is."""

    format: str
    version: str


class Released(Stamped):
    """A document that other installations read: it names the release that wrote it."""

    release: str
