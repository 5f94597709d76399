"""What pages and summaries link to: hosting services of the operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from gitalign.configuration.section import Section
from gitalign.core.hosting import Host, HostKind


class HostSettings(Section):
    """A hosting service, and where its pages are."""

    kind: HostKind
    web: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")] = ""


class Pages(Section):
    """What pages and summaries link to."""

    hosts: Mapping[Annotated[str, Field(min_length=1)], HostKind | HostSettings] = Field(default_factory=dict)

    def services(self) -> dict[str, Host]:
        """Hosting services by `host` or `host:port`."""
        return {
            name: Host(kind=one) if isinstance(one, HostKind) else Host(kind=one.kind, web=one.web)
            for name, one in self.hosts.items()
        }
