"""What hosting services enforce on the branches that matter."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.configuration.protection_settings import Policy, Provider
from gitalign.core.branch_rules import BranchProtection, RuleState
from gitalign.core.names import display
from gitalign.core.plan import Plan
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import OpenRepository, Request, open_for
from gitalign.errors import PlanRefused


def protections(
    request: Request, branches: Sequence[str] = (), *, plan: Plan | None = None
) -> tuple[BranchProtection, ...]:
    """What the hosting service enforces on branches, compared with `protection.require`. Changes nothing.

    Args:
        request: which repository, and its settings.
        branches: names on the service; targets when none is given.
        plan: whose targets; made when it is needed and not given.

    Returns:
        One entry for each branch; `unknown` with the reason where no service can be asked or it does not answer. Nothing when
        `protection.provider` is `none` and no branch is named.

    Raises:
        UserError, GitError, PluginError
    """
    opened = open_for(request)
    if not branches and opened.config.protection.provider is Provider.NONE:
        return ()
    names = branches or [target.name for target in (plan or make_plan(opened, request)).targets]
    return protections_of(opened, names)


def protections_of(opened: OpenRepository, names: Sequence[str]) -> tuple[BranchProtection, ...]:
    """The same for an opened repository and these branches."""
    from gitalign.engine.publishing.published import address_of
    from gitalign.forges.services import forge_of, protections

    config = opened.config
    if config.protection.provider is Provider.NONE:
        return tuple(
            BranchProtection(branch=name, reason="no service is asked: protection.provider is none") for name in names
        )
    address = address_of(opened.repository, config.alignment.remote)
    forge = forge_of(config, address, opened.surroundings.environ)
    if isinstance(forge, str):
        return tuple(BranchProtection(branch=name, reason=forge) for name in names)
    return protections(forge, config, names)


def require_protected(opened: OpenRepository, plan: Plan) -> None:
    """Refuse to run where the settings say so and a target is not protected as it should be.

    Raises:
        PlanRefused
    """
    settings = opened.config.protection
    if settings.provider is Provider.NONE or Policy.REFUSE not in (settings.violated, settings.unknown):
        return
    refused = {RuleState.VIOLATED: settings.violated, RuleState.UNKNOWN: settings.unknown}
    for one in protections_of(opened, [target.name for target in plan.targets]):
        if refused.get(one.state) is Policy.REFUSE:
            raise PlanRefused(
                f"the protection of {display(one.branch)} is {one.state}: {'; '.join(map(display, one.faults[:3]))}",
                hint=f"protect it on the service, or set protection.{one.state} to warn",
                code="not_protected",
            )
