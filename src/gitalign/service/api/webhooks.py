"""Outgoing webhooks of a repository: registered, listed, removed, and what was delivered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind
from gitalign.documents import webhooks as documents
from gitalign.service.access import Needs
from gitalign.service.administration import new_webhook
from gitalign.service.api.jobs import Cursor, Limit
from gitalign.service.api.requests import Body, answer, said
from gitalign.service.repeats import Once
from gitalign.service.state import service_of
from gitalign.store.service.webhooks import Webhooks

router = APIRouter(prefix="/api/v1/repositories/{repository}/webhooks", tags=["webhooks"])
Admin = Annotated[Actor, Depends(Needs(Role.ADMIN))]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_000, pattern=r"^https?://[\x21-\x7e]+$")]


class NewWebhook(Body):
    """An address that receives what became of jobs; of these kinds, where some are named."""

    url: Url
    kinds: Annotated[list[JobKind], Field(max_length=100)] = Field(default=[])


@router.post("", status_code=201, responses=said("webhooks", status=201))
def add_webhook(request: Request, repository: str, body: NewWebhook, actor: Admin, once: Once) -> Response:
    """Register a webhook. Its secret is shown here, once; the same `Idempotency-Key` shows it again for a day."""
    service = service_of(request)
    kinds = [kind.value for kind in body.kinds]

    def add() -> Response:
        added, secret = new_webhook(
            service.database, service.settings, repository, body.url, kinds=kinds, actor=actor.name
        )
        headers = {"Location": f"/api/v1/repositories/{repository}/webhooks/{added.id}/deliveries"}
        return answer(documents.dump_webhooks([added], secret=secret), status=201, headers=headers)

    return once.answered(actor, add)


@router.get("", responses=said("webhooks"))
def list_webhooks(request: Request, repository: str, actor: Admin) -> Response:
    """Webhooks, without their secrets."""
    return answer(documents.dump_webhooks(Webhooks(service_of(request).database).of(repository)))


@router.delete("/{webhook}", status_code=204)
def remove_webhook(request: Request, repository: str, webhook: str, actor: Admin) -> Response:
    """Forget a webhook with its deliveries."""
    Webhooks(service_of(request).database).remove(repository, webhook, actor=actor.name)
    return Response(status_code=204)


@router.get("/{webhook}/deliveries", responses=said("webhook-deliveries"))
def list_deliveries(
    request: Request, repository: str, webhook: str, actor: Admin, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Deliveries of a webhook, newest first: delivered, waiting for the next attempt, or given up, and why."""
    before = None if cursor is None else int(cursor)
    found = Webhooks(service_of(request).database).deliveries(repository, webhook, before=before, limit=limit + 1)
    following = str(found[limit - 1].number) if len(found) > limit else None
    return answer(documents.dump_deliveries(found[:limit], next_page=following))
