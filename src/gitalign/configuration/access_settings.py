"""Which files branches and tasks may change."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gitalign.configuration.section import Section
from gitalign.core.access import AccessProfile, AccessRules
from gitalign.core.path_overlap import pattern_fault

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Profile(Section):
    """Files that some branches may change."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    branches: Annotated[tuple[Text, ...], Field(min_length=1)]
    allowed: tuple[Text, ...] = ()
    blocked: tuple[Text, ...] = ()
    hidden: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _are_patterns(self) -> Profile:
        for pattern in (*self.allowed, *self.blocked, *self.hidden):
            if fault := pattern_fault(pattern):
                raise ValueError(f"the pattern {pattern!r} {fault}")
        return self


class Access(Section):
    """Which files branches and tasks may change; all of them where no profile names a branch."""

    profiles: tuple[Profile, ...] = ()

    def rules(self) -> AccessRules | None:
        """As the engine takes them; None for none."""
        if not self.profiles:
            return None
        return AccessRules(tuple(AccessProfile(**one.model_dump()) for one in self.profiles))
