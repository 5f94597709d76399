"""Outgoing webhooks of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gitalign.core.webhooks import Delivery, Webhook
from gitalign.documents.formats import stamped
from gitalign.documents.reading import time_text

if TYPE_CHECKING:
    from gitalign.documents.models.service import WebhookDeliveriesDocument, WebhooksDocument


def dump_webhooks(values: Iterable[Webhook], *, secret: str | None = None) -> dict[str, Any]:
    """Webhooks.

    Args:
        values: of a repository.
        secret: of the only one, right after it was made.
    """
    content: WebhooksDocument = {
        "webhooks": [
            {
                "id": one.id,
                "repository": one.repository,
                "url": one.url,
                "kinds": list(one.kinds),
                "created_by": one.created_by,
                "created_at": time_text(one.created_at),
                "secret": secret,
            }
            for one in values
        ]
    }
    return stamped("webhooks", content)


def dump_deliveries(values: Iterable[Delivery], *, next_page: str | None) -> dict[str, Any]:
    """Deliveries of a webhook, newest first.

    Args:
        values: of the page.
        next_page: the cursor of the next one; None at the end.
    """
    content: WebhookDeliveriesDocument = {
        "deliveries": [
            {
                "id": one.id,
                "kind": one.kind,
                "state": one.state,
                "attempts": one.attempts,
                "status": one.status,
                "detail": one.detail,
                "created_at": time_text(one.created_at),
                "next_at": None if one.next_at is None else time_text(one.next_at),
                "finished_at": None if one.finished_at is None else time_text(one.finished_at),
            }
            for one in values
        ],
        "next": next_page,
    }
    return stamped("webhook-deliveries", content)
