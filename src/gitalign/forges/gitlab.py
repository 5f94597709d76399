"""What GitLab enforces on a branch: protected branches, how merge requests are merged, and approvals where it has them.

Source: GitLab REST API v4, "Protected branches", "Projects", "Merge request approvals".
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import translate
from re import fullmatch
from typing import Any
from urllib.parse import quote

from gitalign.core.branch_rules import Observed, RuleName, Value
from gitalign.forges.asking import Asking, Unanswered

_NO_ONE = 0
_BY_APPROVALS = (RuleName.APPROVALS, RuleName.DISMISS_STALE)


def observed(asking: Asking, repository: str, branch: str) -> Observed:
    """What is enforced on a branch; arguments and errors as for GitHub."""
    place = f"/projects/{quote(repository, safe='')}"
    project = asking.get(place)
    listed = [one for one in asking.pages(f"{place}/protected_branches") if isinstance(one, dict)]
    if not isinstance(project, dict):
        raise Unanswered("the project: not in the documented form")
    holding = [one for one in listed if _covers(str(one.get("name", "")), branch)]
    pipelines = project.get("only_allow_merge_if_pipeline_succeeds") is True
    pipelines = pipelines and project.get("allow_merge_on_skipped_pipeline") is not True  # anyone can skip one
    only_by_request = bool(holding) and all(_is_closed(one.get("push_access_levels")) for one in holding)
    values: dict[RuleName, Value] = {
        RuleName.PULL_REQUEST: only_by_request,
        RuleName.NO_FORCE_PUSH: bool(holding) and not any(one.get("allow_force_push") for one in holding),
        RuleName.NO_DELETION: bool(holding),
        RuleName.LINEAR_HISTORY: project.get("merge_method") == "ff" and only_by_request,
        RuleName.STATUS_CHECKS: frozenset(),
    }
    reasons: dict[RuleName, str] = {RuleName.SIGNED: "push rules are not read"}
    try:
        values.update(_of_approvals(asking, place, branch))
    except Unanswered as fault:
        reasons.update(dict.fromkeys(_BY_APPROVALS, f"not readable: {fault.reason}"))
    return Observed(values=values, reasons=reasons, any_check=pipelines and only_by_request)


def _of_approvals(asking: Asking, place: str, branch: str) -> dict[RuleName, Value]:
    """Approvals; a service without them answers 404, as it does where one may not know."""
    rules = asking.pages(f"{place}/approval_rules")
    general = asking.get(f"{place}/approvals")
    counts = [
        int(rule.get("approvals_required") or 0) for rule in rules if isinstance(rule, dict) and _applies(rule, branch)
    ]
    stale = isinstance(general, dict) and general.get("reset_approvals_on_push") is True
    return {RuleName.APPROVALS: max(counts, default=0), RuleName.DISMISS_STALE: stale}


def _applies(rule: Mapping[str, Any], branch: str) -> bool:
    named = [str(one.get("name", "")) for one in rule.get("protected_branches") or () if isinstance(one, dict)]
    return not named or any(_covers(name, branch) for name in named)


def _covers(pattern: str, branch: str) -> bool:
    """Names may hold `*`, which stands for any text, slashes included."""
    return fullmatch(translate(pattern.replace("[", "[[]").replace("?", "[?]")), branch) is not None


def _is_closed(levels: Any) -> bool:
    """True when no one pushes directly."""
    found = [one for one in levels or () if isinstance(one, dict)]
    named = ("user_id", "group_id", "deploy_key_id", "member_role_id")
    return bool(found) and all(
        one.get("access_level") == _NO_ONE and not any(one.get(key) for key in named) for one in found
    )
