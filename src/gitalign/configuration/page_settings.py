"""What pages and summaries link to: hosting services of the operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gitalign.core.hosting import Host, HostKind


class HostSettings(BaseModel):
    """A hosting service, and where its pages are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: HostKind
    web: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")] = ""


class Pages(BaseModel):
    """What pages and summaries link to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: Mapping[Annotated[str, Field(min_length=1)], HostKind | HostSettings] = Field(default_factory=dict)

    def services(self) -> dict[str, Host]:
        """Hosting services by `host` or `host:port`."""
        return {
            name: Host(kind=one) if isinstance(one, HostKind) else Host(kind=one.kind, web=one.web)
            for name, one in self.hosts.items()
        }
