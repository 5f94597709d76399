"""The section `ci` of the settings of the service: which runs of a CI get a token, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from gitalign.configuration.section import Section
from gitalign.core.accounts import EVERY, Role
from gitalign.service.provider_settings import is_safe_url

_WHOSE = ("repository", "repository_id", "project_path", "project_id", "sub")
"""Claims that say whose run it is. An issuer such as GitHub's signs for everybody: without one of them, all of them come in."""
_ANY_END = "/*"
Word = Annotated[str, Field(min_length=1, max_length=500)]


class CiRule(Section):
    """What a run gets whose claims are these.

    Attributes:
        claims: exactly these values; one that ends in `/*` stands for every value that begins with what is before the `*`.
        role: lander at most.
        repositories: of this service, by name.
    """

    claims: dict[Word, Word] = Field(min_length=1)
    role: Role
    repositories: tuple[Word, ...] = Field(min_length=1)

    @field_validator("claims")
    @classmethod
    def _says_whose(cls, value: dict[str, str]) -> dict[str, str]:
        if not set(_WHOSE) & value.keys():
            raise ValueError(f"claims must contain one of {', '.join(_WHOSE)}: the issuer signs for others as well")
        for name, wanted in value.items():
            if "*" in wanted.removesuffix(_ANY_END) or wanted.startswith("*") or wanted == _ANY_END:
                raise ValueError(f"{name}: a `*` is allowed at the end alone, behind a `/`, such as owner/*")
        return value

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.role is Role.ADMIN:
            raise ValueError("a run of a CI cannot be an administrator: give the role lander at most")
        if EVERY in self.repositories:
            raise ValueError("repositories must be named one by one")
        return self

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether a run has every one of these claims."""
        return all(_fits(claims.get(name), wanted) for name, wanted in self.claims.items())


class CiIssuer(Section):
    """An issuer whose tokens are exchanged.

    Attributes:
        issuer: its address, exactly as it calls itself.
        audience: what the run asks its token for: a value that this service alone has, such as its address.
        minutes: a token of this service ends after so long.
        rules: the first that fits decides.
    """

    issuer: str
    audience: Word
    minutes: Annotated[int, Field(ge=1, le=60)] = 15
    rules: tuple[CiRule, ...] = Field(min_length=1)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        if not is_safe_url(value) or len(value) > 500:
            raise ValueError(f"{value!r} is not an address such as https://token.actions.githubusercontent.com")
        return value


def _fits(value: Any, wanted: str) -> bool:
    if not isinstance(value, str):
        return False
    if wanted.endswith(_ANY_END):
        return value.startswith(wanted[:-1]) and len(value) > len(wanted) - 1
    return value == wanted
