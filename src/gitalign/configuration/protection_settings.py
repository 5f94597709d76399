"""What a hosting service is to enforce on target branches, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from gitalign.configuration.section import Section
from gitalign.core.branch_rules import RuleName, Value


class Provider(StrEnum):
    """Who is asked."""

    NONE = "none"
    AUTO = "auto"
    """The service behind the remote's address, where that is known."""
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"


class Policy(StrEnum):
    """What follows when a branch is not protected as it should be."""

    WARN = "warn"
    REFUSE = "refuse"
    """A run moves nothing."""


class Requirements(Section):
    """What is asked for; `false`, 0 and an empty list ask for nothing."""

    pull_request: bool = True
    approvals: Annotated[int, Field(ge=0, le=100)] = 1
    dismiss_stale: bool = True
    status_checks: tuple[str, ...] = ()
    linear_history: bool = False
    no_force_push: bool = True
    no_deletion: bool = True
    signed: bool = False

    def rules(self) -> dict[RuleName, Value]:
        """Rule -> what is asked for."""
        wanted: dict[RuleName, Value] = {
            RuleName.PULL_REQUEST: self.pull_request,
            RuleName.APPROVALS: self.approvals,
            RuleName.DISMISS_STALE: self.dismiss_stale,
            RuleName.STATUS_CHECKS: frozenset(self.status_checks),
            RuleName.LINEAR_HISTORY: self.linear_history,
            RuleName.NO_FORCE_PUSH: self.no_force_push,
            RuleName.NO_DELETION: self.no_deletion,
            RuleName.SIGNED: self.signed,
        }
        return {rule: value for rule, value in wanted.items() if value}


class Protection(Section):
    """What a hosting service is to enforce on target branches, and how it is asked. Nothing is asked without a provider."""

    provider: Provider = Provider.NONE
    api: Annotated[str, Field(pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$")] = ""
    repository: Annotated[str, Field(pattern=r"^([^\s/]+(/[^\s/]+)+)?$")] = ""
    token_environment: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "GITALIGN_FORGE_TOKEN"
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    violated: Policy = Policy.WARN
    unknown: Policy = Policy.WARN
    require: Requirements = Field(default_factory=Requirements)
    branches: Mapping[Annotated[str, Field(min_length=1)], Requirements] = Field(default_factory=dict)

    def required_of(self, branch: str) -> dict[RuleName, Value]:
        """What is asked for of a branch: by its name in `branches`, else by `require`."""
        return self.branches.get(branch, self.require).rules()
