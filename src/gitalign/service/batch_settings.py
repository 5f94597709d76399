"""The section `batches` of the settings of the service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gitalign.configuration.section import Section
from gitalign.service.working.batch_policy import BatchPolicy


class Batches(Section):
    """Whether plans of batches may be submitted, and what their tasks may do. See `BatchPolicy`."""

    allowed: bool = False
    confinement: Literal["require", "prefer", "none"] = "require"
    environment: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)], ...] = ()
    at_once: Annotated[int, Field(ge=1, le=64)] = 1

    def policy(self) -> BatchPolicy:
        """As workers and routes take it."""
        return BatchPolicy(
            allowed=self.allowed, confinement=self.confinement, environment=self.environment, at_once=self.at_once
        )
