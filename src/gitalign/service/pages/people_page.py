"""People and tokens, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gitalign.core.accounts import EVERY, Actor, Role
from gitalign.errors import GitAlignError, UserError
from gitalign.service.access import Needs
from gitalign.service.administration import new_token
from gitalign.service.pages.account_page import Field, made
from gitalign.service.pages.page_route import PageRoute
from gitalign.service.pages.rendering import page
from gitalign.service.people import new_password, new_user
from gitalign.service.problems import status_of
from gitalign.service.state import Service, service_of

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
Admin = Annotated[Actor, Depends(Needs(Role.ADMIN, everywhere=True))]
Names = Annotated[list[str] | None, Form(max_length=1_000)]
NewRole = Annotated[Role, Form()]


def _ticked(everywhere: Annotated[bool, Form()] = False, repositories: Names = None) -> tuple[str, ...]:
    """The repositories that a form names; none when nothing is ticked."""
    return (EVERY,) if everywhere else tuple(repositories or ())


Ticked = Annotated[tuple[str, ...], Depends(_ticked)]


@router.get("/people")
def list_people(request: Request, actor: Admin) -> Response:
    """People, and a form to add one."""
    return _people(request, actor)


@router.post("/people")
def add_person(
    request: Request,
    actor: Admin,
    ticked: Ticked,
    name: Field = "",
    password: Field = "",
    role: NewRole = Role.VIEWER,
) -> Response:
    """The form that adds a person; without a password the person cannot sign in yet."""
    try:
        new_user(
            service_of(request).database,
            name,
            role=role,
            repositories=_some(ticked),
            password=password or None,
            actor=actor.name,
        )
    except GitAlignError as error:
        return _people(request, actor, error=error)
    return RedirectResponse("/people", status_code=303)


@router.get("/people/{user}")
def show_person(request: Request, user: str, actor: Admin) -> Response:
    """A person, and what can be changed."""
    return _person(request, actor, user)


@router.post("/people/{user}/role")
def change_role(
    request: Request,
    user: str,
    actor: Admin,
    ticked: Ticked,
    role: NewRole = Role.VIEWER,
) -> Response:
    """The form that changes role and repositories."""
    users = service_of(request).users

    def change() -> None:
        names = _some(ticked)
        users.set_role(user, role=role, repositories=names, actor=actor.name)

    return _changed(request, actor, user, change)


@router.post("/people/{user}/password")
def set_password(request: Request, user: str, actor: Admin, password: Field = "") -> Response:
    """The form that sets a password."""
    service = service_of(request)
    return _changed(
        request,
        actor,
        user,
        lambda: new_password(service.users, service.passwords, user, password, actor=actor.name),
    )


@router.post("/people/{user}/disable")
def disable(request: Request, user: str, actor: Admin) -> Response:
    """The button that keeps a person out."""
    return _changed(request, actor, user, lambda: service_of(request).users.disable(user, actor=actor.name))


@router.post("/people/{user}/enable")
def enable(request: Request, user: str, actor: Admin) -> Response:
    """The button that lets a person in again."""
    return _changed(request, actor, user, lambda: service_of(request).users.enable(user, actor=actor.name))


@router.post("/people/{user}/remove")
def remove(request: Request, user: str, actor: Admin) -> Response:
    """The button that removes a person for good."""
    try:
        service_of(request).users.remove(user, actor=actor.name)
    except GitAlignError as error:
        return _person(request, actor, user, error=error)
    return RedirectResponse("/people", status_code=303)


@router.get("/tokens")
def list_tokens(request: Request, actor: Admin) -> Response:
    """Tokens, and a form to make one."""
    return _tokens(request, actor)


@router.post("/tokens")
def make_token(
    request: Request,
    actor: Admin,
    ticked: Ticked,
    name: Field = "",
    role: NewRole = Role.VIEWER,
    days: Annotated[int, Form(ge=1, le=36_500)] = 90,
) -> Response:
    """The form that makes a token; the page shows it this once."""
    try:
        token, text = new_token(
            service_of(request).database,
            name,
            role=role,
            repositories=_some(ticked),
            days=days,
            actor=actor.name,
        )
    except GitAlignError as error:
        return _tokens(request, actor, error=error)
    return made(request, actor, token, text, back="/tokens")


@router.post("/tokens/{token}/revoke")
def revoke_token(request: Request, token: str, actor: Admin) -> Response:
    """The button that ends a token."""
    service_of(request).accounts.revoke(token, actor=actor.name)
    return RedirectResponse("/tokens", status_code=303)


def _changed(request: Request, actor: Actor, user: str, act: Callable[[], object]) -> Response:
    try:
        act()
    except GitAlignError as error:
        return _person(request, actor, user, error=error)
    return RedirectResponse(f"/people/{user}", status_code=303)


def _person(request: Request, actor: Actor, user: str, *, error: GitAlignError | None = None) -> Response:
    service = service_of(request)
    found = service.users.get(user)
    return page(
        request,
        "person.html",
        actor=actor,
        status=200 if error is None else status_of(error).value,
        user=found,
        tokens=service.accounts.of_user(user),
        repositories=_names(service),
        error=error,
    )


def _people(request: Request, actor: Actor, *, error: GitAlignError | None = None) -> Response:
    service = service_of(request)
    return page(
        request,
        "people.html",
        actor=actor,
        status=200 if error is None else status_of(error).value,
        users=service.users.all(),
        repositories=_names(service),
        error=error,
    )


def _tokens(request: Request, actor: Actor, *, error: GitAlignError | None = None) -> Response:
    service, now = service_of(request), datetime.now(UTC)
    tokens = service.accounts.all()[::-1]
    shown = [one for one in tokens if one.issuer is None or not one.has_ended(now)]
    return page(
        request,
        "tokens.html",
        actor=actor,
        status=200 if error is None else status_of(error).value,
        tokens=shown,
        ended=len(tokens) - len(shown),
        repositories=_names(service),
        error=error,
    )


def _some(ticked: tuple[str, ...]) -> tuple[str, ...]:
    """The repositories; a form in which nothing is ticked is no permission for everything.

    Raises:
        UserError
    """
    if not ticked:
        raise UserError("no repository is chosen", hint="tick some, or all repositories", code="usage")
    return ticked


def _names(service: Service) -> list[str]:
    return [one.name for one in service.repositories.all()]
