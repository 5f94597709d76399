"""Tokens, for administrators; and the account of who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, SecretStr, StringConstraints

from gitalign.core.accounts import Actor, Role
from gitalign.documents.service import dump_account, dump_tokens
from gitalign.errors import NotFound
from gitalign.service.access import Needs, address_of
from gitalign.service.administration import new_token
from gitalign.service.api.requests import Body, Name, answer, said
from gitalign.service.api.users import Admin, Names, Password
from gitalign.service.own_account import change_own_password, new_own_token, own_account, revoke_own_token
from gitalign.service.problems import ProviderUnavailable
from gitalign.service.repeats import Once
from gitalign.service.state import service_of

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,16}$")]


class NewToken(Body):
    """A token; without `repositories` for all of them, without `days` until it is revoked."""

    name: Name
    role: Role = Role.VIEWER
    repositories: Names = Field(default_factory=list)
    days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class IdToken(Body):
    """What the issuer of a CI signed for one of its runs."""

    token: SecretStr = Field(min_length=1, max_length=16_384)


class NewPersonalToken(Body):
    """A token of a person; without `repositories` for those of the person."""

    name: Name
    role: Role = Role.VIEWER
    repositories: Names = Field(default_factory=list)
    days: Annotated[int, Field(ge=1, le=366)] = 90


class ChangedPassword(Body):
    """The password until now, and the new one."""

    old: Password
    new: Password


@router.get("/tokens", responses=said("tokens"))
def list_tokens(request: Request, actor: Admin) -> Response:
    """Every token, oldest first; never the tokens themselves."""
    return answer(dump_tokens(service_of(request).accounts.all()))


@router.post("/tokens", status_code=201, responses=said("tokens", status=201))
def add_token(request: Request, body: NewToken, actor: Admin, once: Once) -> Response:
    """Make a token that belongs to no person. It is in this answer alone; the same `Idempotency-Key` gets it again for a day."""

    def add() -> Response:
        token, text = new_token(
            service_of(request).database,
            body.name,
            role=body.role,
            repositories=body.repositories,
            days=body.days,
            actor=actor.name,
        )
        return answer(dump_tokens([token], text=text), status=201)

    return once.answered(actor, add)


@router.post("/token-exchanges", status_code=201, responses=said("tokens", status=201))
def exchange_token(request: Request, body: IdToken, once: Once) -> Response:
    """Exchange the ID token of a run of a CI for a token of this service, which ends soon. It is in this answer alone."""
    service = service_of(request)
    issuers = service.ci
    if issuers is None:
        raise NotFound("this service exchanges no tokens", hint="name an issuer in the section `ci`", code="no_ci")
    id_token = body.token.get_secret_value()
    with service.throttle.trying(address_of(request)) as attempt:
        try:
            run = issuers.run_of(id_token)
        except ProviderUnavailable:
            attempt.has_succeeded = True  # what cannot be known is no failure of who asks
            raise
        attempt.has_succeeded = True
    service.throttle.count_request(run.actor.id)

    def add() -> Response:
        token, text = issuers.new_token(service.database, run)
        return answer(dump_tokens([token], text=text), status=201)

    return once.answered(run.actor, add, proof=id_token)


@router.delete("/tokens/{token}", status_code=204)
def revoke_token(request: Request, token: Id, actor: Admin) -> Response:
    """End a token, and the sessions that began with it."""
    service_of(request).accounts.revoke(token, actor=actor.name)
    return Response(status_code=204)


@router.get("/account", responses=said("account"))
def show_account(request: Request, actor: Viewer) -> Response:
    """Who asks, with the browsers that are signed in and the personal tokens."""
    own = own_account(service_of(request), actor)
    return answer(dump_account(actor, user=own.user, sessions=own.sessions, tokens=own.tokens))


@router.post("/account/password", status_code=204)
def change_password(request: Request, body: ChangedPassword, actor: Viewer, once: Once) -> Response:
    """Change one's own password, in a browser; all other sessions end."""
    old, new = body.old.get_secret_value(), body.new.get_secret_value()

    def change() -> Response:
        change_own_password(service_of(request), actor, old=old, new=new, address=address_of(request))
        return Response(status_code=204)

    return once.answered(actor, change)


@router.post("/account/tokens", status_code=201, responses=said("tokens", status=201))
def add_own_token(request: Request, body: NewPersonalToken, actor: Viewer, once: Once) -> Response:
    """Make a personal token, in a browser; it gives no more than its person has. It is in this answer alone."""

    def add() -> Response:
        token, text = new_own_token(
            service_of(request), actor, body.name, role=body.role, repositories=body.repositories, days=body.days
        )
        return answer(dump_tokens([token], text=text), status=201)

    return once.answered(actor, add)


@router.delete("/account/tokens/{token}", status_code=204)
def end_own_token(request: Request, token: Id, actor: Viewer) -> Response:
    """End a personal token of one's own."""
    revoke_own_token(service_of(request), actor, token)
    return Response(status_code=204)


@router.delete("/account/sessions/{session}", status_code=204)
def end_own_session(request: Request, session: Id, actor: Viewer) -> Response:
    """Sign a browser of one's own out."""
    service_of(request).sessions.end(actor, session)
    return Response(status_code=204)
