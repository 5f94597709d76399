"""How documents say a point in time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601, in UTC with Z")]
