"""People, for administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, SecretStr, StringConstraints, model_validator

from gitalign.core.accounts import EVERY, Actor, Role
from gitalign.documents.service import dump_users
from gitalign.service.access import Needs
from gitalign.service.api.requests import Body, Name, answer, said
from gitalign.service.passwords import LONGEST
from gitalign.service.people import new_password, new_user
from gitalign.service.repeats import Once
from gitalign.service.state import service_of

router = APIRouter(prefix="/api/v1/users", tags=["people"])
Admin = Annotated[Actor, Depends(Needs(Role.ADMIN, everywhere=True))]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]
Names = Annotated[list[Name], Field(max_length=1_000)]
NamesOrAll = Annotated[list[Name], Field(max_length=1_000)] | tuple[Literal["*"]]
"""Repositories as answers name them: `["*"]` is all."""


class NewUser(Body):
    """A person; without `repositories` for all of them, without `password` not able to sign in yet."""

    name: UserName
    role: Role = Role.VIEWER
    repositories: NamesOrAll = Field(default_factory=list)
    password: Password | None = None


class ChangedUser(Body):
    """What is to change: either `disabled`, or the others; `all_repositories`, or `["*"]`, takes the bounds away."""

    role: Role | None = None
    repositories: Annotated[NamesOrAll, Field(min_length=1)] | None = None
    all_repositories: bool = False
    disabled: bool | None = None

    @model_validator(mode="after")
    def _is_one_change(self) -> ChangedUser:
        """Each request is carried out whole or not at all."""
        others = self.role is not None or self.repositories is not None or self.all_repositories
        if (self.disabled is not None) == others:
            raise ValueError("give either disabled, or role and repositories")
        return self


class NewPassword(Body):
    """A password."""

    password: Password


@router.get("", responses=said("users"))
def list_users(request: Request, actor: Admin, removed: bool = False) -> Response:
    """People by name; with `removed` also those who were removed."""
    return answer(dump_users(service_of(request).users.all(with_removed=removed)))


@router.post("", status_code=201, responses=said("users", status=201))
def add_user(request: Request, body: NewUser, actor: Admin, once: Once) -> Response:
    """Add a person."""
    secret = None if body.password is None else body.password.get_secret_value()

    def add() -> Response:
        added = new_user(
            service_of(request).database,
            body.name,
            role=body.role,
            repositories=body.repositories,
            password=secret,
            actor=actor.name,
        )
        return answer(dump_users([added]), status=201, headers={"Location": f"/api/v1/users/{added.name}"})

    return once.answered(actor, add)


@router.get("/{user}", responses=said("users"))
def show_user(request: Request, user: UserName, actor: Admin) -> Response:
    """One person."""
    return answer(dump_users([service_of(request).users.get(user)]))


@router.patch("/{user}", responses=said("users"))
def change_user(request: Request, user: UserName, body: ChangedUser, actor: Admin) -> Response:
    """Change role or repositories, disable or enable; at once. The last administrator stays one."""
    users = service_of(request).users
    repositories = (EVERY,) if body.all_repositories else body.repositories
    if body.disabled is None:
        changed = users.set_role(user, role=body.role, repositories=repositories, actor=actor.name)
    else:
        changed = (users.disable if body.disabled else users.enable)(user, actor=actor.name)
    return answer(dump_users([changed]))


@router.put("/{user}/password", status_code=204)
def set_password(request: Request, user: UserName, body: NewPassword, actor: Admin) -> Response:
    """Set a password; every session of the person ends."""
    service = service_of(request)
    new_password(service.users, service.passwords, user, body.password.get_secret_value(), actor=actor.name)
    return Response(status_code=204)


@router.delete("/{user}", status_code=204)
def remove_user(request: Request, user: UserName, actor: Admin) -> Response:
    """Remove a person for good; the name stays taken."""
    service_of(request).users.remove(user, actor=actor.name)
    return Response(status_code=204)
