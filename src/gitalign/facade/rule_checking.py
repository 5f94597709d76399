"""House rules, and what they say of branches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.plan import Plan
from gitalign.core.rules import Compliance, RulePack
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import configured_rules, open_for
from gitalign.errors import UserError

if TYPE_CHECKING:
    pass


def rule_packs(request: Request, packs: Sequence[str] = ()) -> tuple[RulePack, ...]:
    """Rule packs by name or file; without names the configured ones, or those that are built in. Changes nothing.

    Raises:
        RulePackError, ConfigError
    """
    from gitalign.rules.load import built_in_names, load_packs

    if packs:
        return load_packs(packs, folder=Path())
    configured = configured_rules(open_for(request))
    return configured.packs if configured is not None else load_packs(built_in_names(), folder=Path())


def check_rules(
    request: Request,
    *,
    plan: Plan | None = None,
    branches: Sequence[str] = (),
    packs: Sequence[str] = (),
    target: str | None = None,
) -> tuple[Compliance, ...]:
    """What the house rules say of branches as they stand. Changes nothing.

    Args:
        request: which repository, and which branches when none are named.
        plan: made earlier, of the branches to choose from.
        branches: by name; all that would be planned when empty.
        packs: names of built-in packs or files; the configured ones when empty.
        target: what to compare with, by any name git knows a commit by; each branch's own target when None.

    Raises:
        UserError: no rules are configured or named; a branch is not there or has no target.
        RulePackError, ConfigError, GitError
    """
    from gitalign.engine.gates.repository_rules import RepositoryRules, judge_as_they_stand

    opened = open_for(request)
    timeout_s = opened.config.limits().detection_timeout_s
    house = (
        RepositoryRules(packs=rule_packs(request, packs), refuses_must=True, timeout_s=timeout_s)
        if packs
        else configured_rules(opened)
    )
    if house is None:
        raise UserError("no house rules are configured", hint="git align rules check --pack python")
    made = plan if plan is not None else make_plan(opened, request, whatever_is_checked_out=True)
    return judge_as_they_stand(opened.repository, made, branches=branches, target=target, house=house)
