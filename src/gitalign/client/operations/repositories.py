"""Repositories with their credentials, schedules, webhooks and branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

from gitalign.client.bodies import Crediting, Placing, Scheduling
from gitalign.client.operation import Ask, nothing, operation
from gitalign.documents.models.service import (
    BranchesDocument,
    JobDocument,
    RepositoriesDocument,
    SchedulesDocument,
    ServedRepositoryDocument,
    WebhookDeliveriesDocument,
    WebhooksDocument,
)


def _listed(said: RepositoriesDocument) -> list[ServedRepositoryDocument]:
    return said["repositories"]


class Repositories:
    """What there is, and what is done with it by itself."""

    @operation("GET /api/v1/repositories")
    def repositories(self) -> Ask[list[ServedRepositoryDocument]]:
        """Repositories that the token may see."""
        return Ask(read=_listed)

    @operation("GET /api/v1/repositories/{repository}")
    def repository(self, repository: str) -> Ask[RepositoriesDocument]:
        """One repository."""
        return Ask()

    @operation("POST /api/v1/repositories")
    def add_repository(
        self, name: str, *, key: str | None = None, **place: Unpack[Placing]
    ) -> Ask[RepositoriesDocument]:
        """Register a repository; one with an address is cloned at once."""
        return Ask(body={"name": name, **place})

    @operation("DELETE /api/v1/repositories/{repository}")
    def remove_repository(self, repository: str) -> Ask[None]:
        """Forget a repository with its jobs; the folder, its journal and its branches stay as they are."""
        return Ask(read=nothing)

    @operation("POST /api/v1/repositories/{repository}/credential")
    def set_credential(
        self,
        repository: str,
        kind: Literal["basic", "ssh"],
        secret: str,
        *,
        key: str | None = None,
        **more: Unpack[Crediting],
    ) -> Ask[RepositoriesDocument]:
        """Give what the server of a repository asks for. It is kept encrypted, and never given out again."""
        return Ask(body={"kind": kind, "secret": secret, **more})

    @operation("POST /api/v1/repositories/{repository}/credential/disable")
    def disable_credential(self, repository: str, *, key: str | None = None) -> Ask[RepositoriesDocument]:
        """Switch off what the server of a repository asks for: jobs that need it fail, and say so."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/credential/enable")
    def enable_credential(self, repository: str, *, key: str | None = None) -> Ask[RepositoriesDocument]:
        """Switch it on again."""
        return Ask()

    @operation("DELETE /api/v1/repositories/{repository}/credential")
    def remove_credential(self, repository: str) -> Ask[None]:
        """Forget what the server of a repository asks for."""
        return Ask(read=nothing)

    @operation("POST /api/v1/repositories/{repository}/fetches")
    def fetch(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to fetch what the remote has."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/branches")
    def list_branches(
        self, repository: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Ask[BranchesDocument]:
        """A page of branches by name, as the newest plan, forecast and run saw them; `branches` goes through all."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("GET /api/v1/repositories/{repository}/branches/{branch}")
    def branch(self, repository: str, branch: str) -> Ask[BranchesDocument]:
        """One branch."""
        return Ask()

    @operation("GET /api/v1/repositories/{repository}/schedules")
    def schedules(self, repository: str) -> Ask[SchedulesDocument]:
        """Schedules of a repository, oldest first."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/schedules")
    def add_schedule(
        self,
        repository: str,
        kind: Literal["forecast", "run"],
        cron: str,
        *,
        key: str | None = None,
        **more: Unpack[Scheduling],
    ) -> Ask[SchedulesDocument]:
        """Forecast, or plan and run, whenever an expression of cron is due."""
        return Ask(body={"kind": kind, "cron": cron, **more})

    @operation("POST /api/v1/repositories/{repository}/schedules/{schedule}/disable")
    def disable_schedule(self, repository: str, schedule: str, *, key: str | None = None) -> Ask[SchedulesDocument]:
        """Switch a schedule off; a job that it wrote goes on."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/schedules/{schedule}/enable")
    def enable_schedule(self, repository: str, schedule: str, *, key: str | None = None) -> Ask[SchedulesDocument]:
        """Switch a schedule on again, from its next time on."""
        return Ask()

    @operation("DELETE /api/v1/repositories/{repository}/schedules/{schedule}")
    def remove_schedule(self, repository: str, schedule: str) -> Ask[None]:
        """Forget a schedule; a job that it wrote goes on."""
        return Ask(read=nothing)

    @operation("GET /api/v1/repositories/{repository}/webhooks")
    def webhooks(self, repository: str) -> Ask[WebhooksDocument]:
        """Webhooks, without their secrets."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/webhooks")
    def add_webhook(
        self, repository: str, url: str, *, kinds: Sequence[str] = (), key: str | None = None
    ) -> Ask[WebhooksDocument]:
        """Register a webhook. Its secret is in this answer alone; the same key gets it again for a day."""
        return Ask(body={"url": url, "kinds": list(kinds)})

    @operation("DELETE /api/v1/repositories/{repository}/webhooks/{webhook}")
    def remove_webhook(self, repository: str, webhook: str) -> Ask[None]:
        """Forget a webhook with its deliveries."""
        return Ask(read=nothing)

    @operation("GET /api/v1/repositories/{repository}/webhooks/{webhook}/deliveries")
    def deliveries(
        self, repository: str, webhook: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Ask[WebhookDeliveriesDocument]:
        """A page of deliveries of a webhook, newest first; `next` is the cursor of the page that follows."""
        return Ask(params={"cursor": cursor, "limit": limit})
