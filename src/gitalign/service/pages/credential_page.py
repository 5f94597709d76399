"""Credentials of repositories by address, for administrators: which there are and when they were used, never what they hold."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, SecretStr

from gitalign.core.accounts import Actor
from gitalign.errors import GitAlignError
from gitalign.service.administration import give_credential
from gitalign.service.credentials import Credential
from gitalign.service.pages.page_route import PageRoute
from gitalign.service.pages.people_page import Admin
from gitalign.service.pages.rendering import page
from gitalign.service.problems import status_of
from gitalign.service.state import service_of
from gitalign.store.service.credentials import Credentials

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


class CredentialForm(BaseModel):
    """The form that gives a credential, as a browser sends it."""

    of: str = Field(max_length=100)
    kind: Literal["basic", "ssh"]
    secret: SecretStr = Field(max_length=20_000)
    username: str = Field(default="", max_length=500)
    known_hosts: str = Field(default="", max_length=100_000)

    def credential(self) -> Credential:
        """What it gives. Browsers send lines with CR LF; ssh takes a key without CR."""
        secret = self.secret.get_secret_value().replace("\r\n", "\n")
        known_hosts = self.known_hosts.replace("\r\n", "\n")
        return Credential(kind=self.kind, username=self.username, secret=secret, known_hosts=known_hosts)


@router.get("/credentials")
def list_credentials(request: Request, actor: Admin) -> Response:
    """Repositories by address with their credentials, and a form to give one."""
    return _shown(request, actor, error=None)


@router.post("/credentials")
def give(request: Request, actor: Admin, form: Annotated[CredentialForm, Form()]) -> Response:
    """The form that gives a credential, instead of the one before. What it holds is not shown again, not even after an error."""
    service = service_of(request)
    try:
        give_credential(service.database, service.settings, form.of, form.credential(), actor=actor.name)
    except GitAlignError as error:
        return _shown(request, actor, error=error)
    return RedirectResponse("/credentials", status_code=303)


@router.post("/credentials/{repository}/disable")
def disable(request: Request, repository: str, actor: Admin) -> Response:
    """The button that switches a credential off."""
    Credentials(service_of(request).database).switch(repository, on=False, actor=actor.name)
    return RedirectResponse("/credentials", status_code=303)


@router.post("/credentials/{repository}/enable")
def enable(request: Request, repository: str, actor: Admin) -> Response:
    """The button that switches a credential on again."""
    Credentials(service_of(request).database).switch(repository, on=True, actor=actor.name)
    return RedirectResponse("/credentials", status_code=303)


@router.post("/credentials/{repository}/remove")
def remove(request: Request, repository: str, actor: Admin) -> Response:
    """The button that removes a credential."""
    Credentials(service_of(request).database).remove(repository, actor=actor.name)
    return RedirectResponse("/credentials", status_code=303)


def _shown(request: Request, actor: Actor, *, error: GitAlignError | None) -> Response:
    service = service_of(request)
    known = {one.repository: one for one in Credentials(service.database).known()}
    repositories = [one for one in service.repositories.all() if one.url is not None]
    return page(
        request,
        "credentials.html",
        actor=actor,
        status=200 if error is None else status_of(error).value,
        rows=[(one, known.get(one.name)) for one in repositories],
        error=error,
    )
