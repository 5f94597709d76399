"""Signing in: with name and password, with a token, or with a link that works once; and signing out."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from gitalign.core.accounts import Actor, Role
from gitalign.service.access import Needs, address_of, cookie_name
from gitalign.service.pages.page_route import PageRoute
from gitalign.service.pages.rendering import page
from gitalign.service.passwords import LONGEST
from gitalign.service.problems import NotAllowed
from gitalign.service.state import Service, service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_LONGEST_FIELD = 2_000


def safe_place(word: str) -> str:
    """Where to go after signing in: a path of this site, whatever the address says."""
    is_path = word.startswith("/") and not word.startswith(("//", "/\\")) and word.isprintable()
    return word if is_path and len(word) <= _LONGEST_FIELD else "/"


@router.get("/sign-in")
def ask(request: Request, next: str = "/") -> Response:
    """The page to sign in."""
    return sign_in_page(request, place=safe_place(next))


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=_LONGEST_FIELD)] = "",
    password: Annotated[str, Form(max_length=_LONGEST_FIELD)] = "",
    token: Annotated[str, Form(max_length=_LONGEST_FIELD)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with name and password, or with a token."""
    service, address, place = service_of(request), address_of(request), safe_place(next)
    if token:
        with service.throttle.trying(address) as attempt:
            actor = service.accounts.holder(token.strip())
            attempt.has_succeeded = actor is not None
    else:
        actor = by_password(service, name.strip().lower(), password, address=address)
    if actor is None:
        fault = "This token is not valid, or not any more." if token else "Name or password is not right."
        return sign_in_page(request, place=place, fault=fault, name=name, status=403)
    return signed_in(request, actor, place)


def by_password(service: Service, name: str, password: str, *, address: str) -> Actor | None:
    """Who has this name and password; None when they are not right. Takes as long when there is no such person.

    Raises:
        TooOften
    """
    is_known = service.sessions.is_at(name, address)
    with service.throttle.trying(address, name=name, is_known=is_known) as attempt:
        hashed = service.users.password_of(name)
        if not service.passwords.is_right(hashed, password) or hashed is None:
            return None
        attempt.has_succeeded = True
    if service.passwords.is_outdated(hashed):
        service.users.renew_hash(name, hashed, service.passwords.hashed(password[:LONGEST]))
    return service.users.actor(name)


@router.get("/sign-in/{link}")
def use_link(request: Request, link: str) -> Response:
    """Sign in with a link, which works once. Another site cannot make a browser use it."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise NotAllowed("another site sent this request", hint="open the link yourself", code="cross_site")
    service = service_of(request)
    with service.throttle.trying(address_of(request)) as attempt:
        actor = service.sessions.use_link(link)
        attempt.has_succeeded = actor is not None
    if actor is None:
        return sign_in_page(request, place="/", fault="This link is not valid, or not any more.", status=403)
    return signed_in(request, actor, "/")


@router.post("/sign-out")
def sign_out(request: Request, actor: Annotated[Actor, Depends(Needs(Role.VIEWER))]) -> Response:
    """End the session."""
    service = service_of(request)
    session = request.cookies.get(cookie_name(service))
    if session is not None:
        service.sessions.close(session)
    response = RedirectResponse("/sign-in", status_code=303)
    is_https = service.settings.server.is_https
    response.delete_cookie(cookie_name(service), path="/", secure=is_https, httponly=True, samesite="lax")
    return response


def sign_in_page(request: Request, *, place: str, fault: str = "", name: str = "", status: int = 200) -> Response:
    """The page to sign in.

    Args:
        request: what is answered.
        place: where to go afterwards.
        fault: why an attempt failed.
        name: that was typed.
        status: of the answer.
    """
    oidc = service_of(request).settings.oidc
    provider = None if oidc is None else urlsplit(oidc.issuer).hostname
    return page(
        request, "sign_in.html", actor=None, status=status, next=place, fault=fault, name=name, provider=provider
    )


def signed_in(request: Request, actor: Actor, place: str) -> Response:
    """A new session, whatever the browser had before."""
    service = service_of(request)
    session, bounds = secrets.token_urlsafe(32), service.settings.limits.sessions()
    seen = (address_of(request), request.headers.get("User-Agent", ""))
    before = request.cookies.get(cookie_name(service))
    service.sessions.open(actor, session, bounds, seen=seen, instead_of=before)
    response = RedirectResponse(place, status_code=303)
    response.set_cookie(
        cookie_name(service),
        session,
        max_age=int(bounds.absolute_s),
        path="/",
        secure=service.settings.server.is_https,
        httponly=True,
        samesite="lax",
    )
    return response
