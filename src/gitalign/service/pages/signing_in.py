"""Signing in: with a token, or with a link that works once; and signing out."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from gitalign.core.accounts import Actor, Role
from gitalign.service.access import Needs, address_of, cookie_name, require_same_site
from gitalign.service.pages.rendering import page
from gitalign.service.pages.routes import PageRoute
from gitalign.service.problems import NotAllowed
from gitalign.service.state import service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def _place(word: str) -> str:
    """Where to go after signing in: a path of this site, whatever the address says."""
    is_path = word.startswith("/") and not word.startswith(("//", "/\\")) and word.isprintable()
    return word if is_path else "/"


@router.get("/sign-in")
def ask(request: Request, next: str = "/") -> Response:
    """The page to sign in."""
    return page(request, "sign_in.html", actor=None, next=_place(next), failed=False)


@router.post("/sign-in")
def sign_in(
    request: Request, token: Annotated[str, Form(max_length=200)] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Sign in with a token."""
    require_same_site(request)
    service, address = service_of(request), address_of(request)
    service.throttle.require_may_try(address)
    actor = service.accounts.holder(token.strip())
    if actor is None:
        service.throttle.count_failure(address)
        return page(request, "sign_in.html", actor=None, status=403, next=_place(next), failed=True)
    return _signed_in(request, actor, _place(next))


@router.get("/sign-in/{link}")
def use_link(request: Request, link: str) -> Response:
    """Sign in with a link, which works once. Another site cannot make a browser use it."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise NotAllowed("another site sent this request", hint="open the link yourself", code="cross_site")
    service, address = service_of(request), address_of(request)
    service.throttle.require_may_try(address)
    actor = service.accounts.use_link(link)
    if actor is None:
        service.throttle.count_failure(address)
        return page(request, "sign_in.html", actor=None, status=403, next="/", failed=True)
    return _signed_in(request, actor, "/")


@router.post("/sign-out")
def sign_out(request: Request, actor: Annotated[Actor, Depends(Needs(Role.VIEWER))]) -> Response:
    """End the session."""
    service = service_of(request)
    session = request.cookies.get(cookie_name(service))
    if session is not None:
        service.accounts.close_session(session)
    response = RedirectResponse("/sign-in", status_code=303)
    is_https = service.settings.server.is_https
    response.delete_cookie(cookie_name(service), path="/", secure=is_https, httponly=True, samesite="lax")
    return response


def _signed_in(request: Request, actor: Actor, place: str) -> Response:
    """A new session, whatever the browser had before."""
    service = service_of(request)
    before = request.cookies.get(cookie_name(service))
    if before is not None:
        service.accounts.close_session(before)
    session, hours = secrets.token_urlsafe(32), service.settings.limits.session_hours
    service.accounts.open_session(actor.token_id, secret=session, hours=hours)
    service.audit.add(actor=actor.name, action="sign_in", subject=actor.token_id)
    response = RedirectResponse(place, status_code=303)
    response.set_cookie(
        cookie_name(service),
        session,
        max_age=int(hours * 3600),
        path="/",
        secure=service.settings.server.is_https,
        httponly=True,
        samesite="lax",
    )
    return response
