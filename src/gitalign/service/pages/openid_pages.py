"""Signing in with an OpenID provider: to it, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from gitalign.core.accounts import Actor
from gitalign.errors import NotFound
from gitalign.service.access import address_of, cookie_name
from gitalign.service.pages.page_route import PageRoute
from gitalign.service.pages.signing_in import safe_place, signed_in
from gitalign.service.problems import NotAllowed
from gitalign.service.state import Service, service_of
from gitalign.store.service.provider_people import admit, turn_away

if TYPE_CHECKING:
    from gitalign.service.openid import Identity, OpenIdProvider

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_MINUTES = 10
_LONGEST_PLACE = 300


@router.get("/openid/start")
def start(request: Request, next: str = "/") -> Response:
    """To the provider. Another site cannot begin it."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise NotAllowed(
            "another site sent this request", hint="sign in from the page of the service", code="cross_site"
        )
    service = service_of(request)
    provider = _provider(service)
    url, flow = provider.begin(_redirect_uri(request, service))
    place = safe_place(next)
    kept = (flow.state, flow.nonce, flow.verifier, quote(place if len(place) < _LONGEST_PLACE else "/", safe=""))
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        _cookie(service),
        ".".join(kept),
        max_age=_MINUTES * 60,
        path="/",
        secure=service.settings.server.is_https,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/openid/callback")
def come_back(request: Request) -> Response:
    """Back from the provider."""
    from gitalign.service.openid import Flow  # slow to import, and needed by few

    service = service_of(request)
    provider, place = _provider(service), "/"
    with service.throttle.trying(address_of(request)) as attempt:
        kept = request.cookies.get(_cookie(service), "").split(".")
        if len(kept) != 4:
            raise NotAllowed("this browser did not begin to sign in", hint="sign in again", code="openid_refused")
        place = safe_place(unquote(kept[3]))
        flow = Flow(state=kept[0], nonce=kept[1], verifier=kept[2])
        identity = provider.finish(flow, _redirect_uri(request, service), dict(request.query_params))
        actor = _actor(service, provider, identity)
        attempt.has_succeeded = True
    response = signed_in(request, actor, place)
    is_https = service.settings.server.is_https
    response.delete_cookie(_cookie(service), path="/", secure=is_https, httponly=True, samesite="lax")
    return response


def _actor(service: Service, provider: OpenIdProvider, identity: Identity) -> Actor:
    subject, role = (identity.issuer, identity.subject), provider.role_of(identity)
    if role is None:
        turn_away(service.database, subject)
        raise NotAllowed("none of your groups has a role here", hint="ask an administrator for one", code="no_group")
    actor = admit(service.database, subject, name=identity.name, role=role)
    if actor is None:
        raise NotAllowed("this account is disabled", hint="ask an administrator", code="account_disabled")
    return actor


def _provider(service: Service) -> OpenIdProvider:
    if service.provider is None:
        raise NotFound("no OpenID provider is configured", hint="sign in with a password", code="no_provider")
    return service.provider


def _redirect_uri(request: Request, service: Service) -> str:
    scheme = "https" if service.settings.server.is_https else "http"
    return f"{scheme}://{request.headers['Host']}/openid/callback"


def _cookie(service: Service) -> str:
    return f"{cookie_name(service)}-openid"
