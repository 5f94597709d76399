"""Repositories: which there are, and the jobs that find out about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind
from gitalign.documents import service as documents
from gitalign.errors import UserError
from gitalign.service.access import Needs
from gitalign.service.administration import add_by_address, add_folder, give_credential
from gitalign.service.api.requests import (
    NewConflicts,
    NewCredential,
    NewForecast,
    NewPlan,
    NewRepository,
    Nothing,
    answer,
    posted,
    said,
)
from gitalign.service.credentials import Credential
from gitalign.service.repeats import IdempotencyKey, Once
from gitalign.service.state import service_of
from gitalign.store.service.credentials import Credentials

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Admin = Annotated[Actor, Depends(Needs(Role.ADMIN, everywhere=True))]


@router.get("", responses=said("repositories"))
def list_repositories(request: Request, actor: Viewer) -> Response:
    """Repositories that the token may see, by name."""
    seen = [one for one in service_of(request).repositories.all() if actor.sees(one.name)]
    return answer(documents.dump_repositories(seen, with_place=actor.may(Role.ADMIN)))


@router.post("", status_code=201, responses=said("repositories", status=201))
def add_repository(request: Request, body: NewRepository, actor: Admin, once: Once) -> Response:
    """Register a repository. Whether there is one is seen by its first job; one with an address is cloned at once."""
    service = service_of(request)
    if (body.path is None) == (body.url is None):
        raise UserError("give either a path or a url", hint='{"name": …, "url": "https://…"}', code="usage")

    def add() -> Response:
        file = body.config_file
        if body.url is not None:
            added = add_by_address(
                service.database, service.settings, body.name, body.url, config_file=file, actor=actor.name
            )
            service.workers.wake()
        else:
            added = add_folder(service.database, body.name, str(body.path), config_file=file, actor=actor.name)
        headers = {"Location": f"/api/v1/repositories/{added.name}"}
        return answer(documents.dump_repositories([added]), status=201, headers=headers)

    return once.answered(actor, add)


@router.post("/{repository}/credential", responses=said("repositories"))
def put_credential(request: Request, repository: str, body: NewCredential, actor: Admin, once: Once) -> Response:
    """Give what the server of a repository asks for. It is kept encrypted, and never given out again."""
    credential = Credential(
        kind=body.kind,
        username=body.username,
        secret=body.secret.get_secret_value(),
        known_hosts=body.known_hosts,
    )
    service = service_of(request)

    def give() -> Response:
        changed = give_credential(service.database, service.settings, repository, credential, actor=actor.name)
        return answer(documents.dump_repositories([changed]))

    return once.answered(actor, give, is_harmless_again=True)


@router.post("/{repository}/credential/disable", responses=said("repositories"))
def disable_credential(request: Request, repository: str, actor: Admin, once: Once) -> Response:
    """Switch off what the server of a repository asks for: jobs that need it fail, and say so."""
    return _switched(request, repository, actor, once, on=False)


@router.post("/{repository}/credential/enable", responses=said("repositories"))
def enable_credential(request: Request, repository: str, actor: Admin, once: Once) -> Response:
    """Switch it on again."""
    return _switched(request, repository, actor, once, on=True)


def _switched(request: Request, repository: str, actor: Actor, once: Once, *, on: bool) -> Response:
    service = service_of(request)

    def switch() -> Response:
        Credentials(service.database).switch(repository, on=on, actor=actor.name)
        return answer(documents.dump_repositories([service.repositories.get(repository)]))

    return once.answered(actor, switch, is_harmless_again=True)


@router.delete("/{repository}/credential", status_code=204)
def remove_credential(request: Request, repository: str, actor: Admin) -> Response:
    """Forget what the server of a repository asks for."""
    Credentials(service_of(request).database).remove(repository, actor=actor.name)
    return Response(status_code=204)


@router.get("/{repository}", responses=said("repositories"))
def show_repository(request: Request, repository: str, actor: Viewer) -> Response:
    """One repository."""
    found = service_of(request).repositories.get(repository)
    return answer(documents.dump_repositories([found], with_place=actor.may(Role.ADMIN)))


@router.delete("/{repository}", status_code=204)
def remove_repository(request: Request, repository: str, actor: Admin) -> Response:
    """Forget a repository with its jobs; the folder, its journal and its branches stay as they are."""
    service_of(request).repositories.remove(repository, actor=actor.name)
    return Response(status_code=204)


@router.post("/{repository}/fetches", status_code=202, responses=said("job", status=202))
def fetch(
    request: Request, repository: str, body: Nothing, actor: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Fetch what the remote has; moves remote-tracking branches alone."""
    return posted(service_of(request), actor, request, (JobKind.FETCH, body, {}), idempotency_key)


@router.post("/{repository}/plans", status_code=202, responses=said("job", status=202))
def make_plan(
    request: Request, repository: str, body: NewPlan, actor: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Plan what a run would do. Moves nothing."""
    return posted(service_of(request), actor, request, (JobKind.PLAN, body, {}), idempotency_key)


@router.post("/{repository}/forecasts", status_code=202, responses=said("job", status=202))
def make_forecast(
    request: Request, repository: str, body: NewForecast, actor: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Find out which branches align, and where others stop. Moves nothing."""
    return posted(service_of(request), actor, request, (JobKind.FORECAST, body, {}), idempotency_key)


@router.post("/{repository}/conflicts", status_code=202, responses=said("job", status=202))
def find_conflicts(
    request: Request, repository: str, body: NewConflicts, actor: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Group branches by the conflict at which they stop. Moves nothing."""
    return posted(service_of(request), actor, request, (JobKind.CONFLICTS, body, {}), idempotency_key)
