"""The section `webhooks` of the settings of the service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gitalign.configuration.section import Section
from gitalign.service.working.webhook_delivery import WebhookPolicy


class WebhookSettings(Section):
    """Where webhooks may lead. See `WebhookPolicy`."""

    private_hosts: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = ()

    def policy(self) -> WebhookPolicy:
        """As routes and workers take it."""
        return WebhookPolicy(private_hosts=self.private_hosts)
