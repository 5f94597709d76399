"""The own account: browsers that are signed in, personal tokens, the password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gitalign.core.accounts import Actor, Role, Token
from gitalign.errors import GitAlignError
from gitalign.service.access import address_of
from gitalign.service.own_account import change_own_password, new_own_token, own_account, revoke_own_token
from gitalign.service.pages.page_route import PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.problems import status_of
from gitalign.service.state import service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
Field = Annotated[str, Form(max_length=2_000)]


@router.get("/account")
def show_account(request: Request, actor: Viewer) -> Response:
    """The account of who looks."""
    return _shown(request, actor)


@router.post("/account/password")
def change_password(request: Request, actor: Viewer, old: Field = "", new: Field = "", again: Field = "") -> Response:
    """The form that changes the password."""
    if new != again:
        return _shown(request, actor, fault="The new password and its repetition differ.", status=400)
    try:
        change_own_password(service_of(request), actor, old=old, new=new, address=address_of(request))
    except GitAlignError as error:
        return _failed(request, actor, error)
    return _shown(request, actor, done="The password is changed. Your other sessions have ended.")


@router.post("/account/tokens")
def make_token(
    request: Request,
    actor: Viewer,
    name: Field = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    days: Annotated[int, Form(ge=1, le=366)] = 90,
) -> Response:
    """The form that makes a personal token; the page shows it this once."""
    try:
        token, text = new_own_token(service_of(request), actor, name, role=role, repositories=(), days=days)
    except GitAlignError as error:
        return _failed(request, actor, error)
    return made(request, actor, token, text, back="/account")


@router.post("/account/tokens/{token}/revoke")
def revoke_token(request: Request, token: str, actor: Viewer) -> Response:
    """The button that ends a personal token."""
    revoke_own_token(service_of(request), actor, token)
    return RedirectResponse("/account", status_code=303)


@router.post("/account/sessions/{session}/end")
def end_session(request: Request, session: str, actor: Viewer) -> Response:
    """The button that signs a browser out."""
    service_of(request).sessions.end(actor, session)
    return RedirectResponse("/account", status_code=303)


def made(request: Request, actor: Actor, token: Token, text: str, *, back: str) -> Response:
    """The page that shows a new token, this once.

    Args:
        request: what is answered.
        actor: who made it.
        token: what is known of it.
        text: the token itself.
        back: where to go on.
    """
    return page(request, "token_made.html", actor=actor, status=201, token=token, text=text, back=back)


def _failed(request: Request, actor: Actor, error: GitAlignError) -> Response:
    fault = f"{error.message[0].upper()}{error.message[1:]}. Next: {error.hint}."
    return _shown(request, actor, fault=fault, status=status_of(error).value)


def _shown(request: Request, actor: Actor, *, fault: str = "", done: str = "", status: int = 200) -> Response:
    own = own_account(service_of(request), actor)
    roles = [role for role in Role if actor.may(role)]
    is_person = actor.user_id == actor.id
    return page(
        request,
        "account.html",
        actor=actor,
        status=status,
        own=own,
        roles=roles,
        is_person=is_person,
        fault=fault,
        done=done,
    )
