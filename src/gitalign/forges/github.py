"""What GitHub enforces on a branch: its rulesets, which every reader may see, and its classic protection, which only admins may.

Source: GitHub REST API 2022-11-28, "Get rules for a branch", "Get branch protection".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from gitalign.core.branch_rules import Observed, RuleName, Value
from gitalign.forges.asking import Asking, Unanswered

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_NOT_PROTECTED = "branch not protected"


def observed(asking: Asking, repository: str, branch: str) -> Observed:
    """What is enforced on a branch.

    Args:
        asking: of the interface.
        repository: `owner/name`.
        branch: its name.

    Raises:
        Unanswered: nothing at all is known.
    """
    place = f"/repos/{quote(repository)}"
    faults: list[Unanswered] = []
    found: list[Mapping[RuleName, Value]] = [dict.fromkeys(RuleName, False)]
    for part in (_of_rulesets, _of_protection):
        try:
            found.append(part(asking, place, quote(branch, safe="")))
        except Unanswered as fault:
            faults.append(fault)
    if len(faults) == 2:
        raise faults[0]
    values = {rule: _strongest(rule, found) for rule in RuleName}
    if not faults:
        return Observed(values=values)
    return Observed(
        values=values,
        incomplete=frozenset(RuleName),
        reasons=dict.fromkeys(RuleName, f"not readable: {faults[0].reason}"),
    )


def _strongest(rule: RuleName, found: list[Mapping[RuleName, Value]]) -> Value:
    """Rules add up: the strictest one holds."""
    values = [one[rule] for one in found if rule in one]
    if rule is RuleName.STATUS_CHECKS:
        return frozenset().union(*(value for value in values if isinstance(value, frozenset)))
    if rule is RuleName.APPROVALS:
        return max(int(value) for value in values if isinstance(value, int))
    return any(values)


def _of_rulesets(asking: Asking, place: str, branch: str) -> dict[RuleName, Value]:
    values: dict[RuleName, Value] = {}
    checks: set[str] = set()
    approvals = 0
    for rule in asking.pages(f"{place}/rules/branches/{branch}"):
        if not isinstance(rule, dict) or not isinstance(rule.get("type"), str):
            raise Unanswered("rules of the branch: not in the documented form")
        more = rule.get("parameters") or {}
        match rule["type"]:
            case "pull_request":
                values[RuleName.PULL_REQUEST] = True
                approvals = max(approvals, _count(more, "required_approving_review_count"))
                if more.get("dismiss_stale_reviews_on_push") is True:
                    values[RuleName.DISMISS_STALE] = True
            case "required_status_checks":
                checks |= set(_contexts(more.get("required_status_checks")))
            case "required_linear_history":
                values[RuleName.LINEAR_HISTORY] = True
            case "non_fast_forward":
                values[RuleName.NO_FORCE_PUSH] = True
            case "deletion":
                values[RuleName.NO_DELETION] = True
            case "required_signatures":
                values[RuleName.SIGNED] = True
    return {**values, RuleName.APPROVALS: approvals, RuleName.STATUS_CHECKS: frozenset(checks)}


def _of_protection(asking: Asking, place: str, branch: str) -> dict[RuleName, Value]:
    try:
        said = asking.get(f"{place}/branches/{branch}/protection")
    except Unanswered as fault:
        # The same status says that the reader may not know: the words tell them apart.
        if fault.status == 404 and fault.message.lower() == _NOT_PROTECTED:
            return {}
        raise
    if not isinstance(said, dict):
        raise Unanswered("protection of the branch: not in the documented form")
    reviews = said.get("required_pull_request_reviews")
    checks = said.get("required_status_checks") or {}
    contexts = {name for name in checks.get("contexts") or () if isinstance(name, str)}
    return {
        RuleName.PULL_REQUEST: isinstance(reviews, dict),
        RuleName.APPROVALS: _count(reviews or {}, "required_approving_review_count"),
        RuleName.DISMISS_STALE: (reviews or {}).get("dismiss_stale_reviews") is True,
        RuleName.STATUS_CHECKS: frozenset(contexts | set(_contexts(checks.get("checks")))),
        RuleName.LINEAR_HISTORY: _is_on(said, "required_linear_history"),
        RuleName.NO_FORCE_PUSH: _is_off(said, "allow_force_pushes"),
        RuleName.NO_DELETION: _is_off(said, "allow_deletions"),
        RuleName.SIGNED: _is_on(said, "required_signatures"),
    }


def _contexts(checks: Any) -> Iterator[str]:
    for check in checks or ():
        if isinstance(check, dict) and isinstance(check.get("context"), str):
            yield check["context"]


def _count(said: Mapping[str, Any], key: str) -> int:
    value = said.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _is_on(said: Mapping[str, Any], key: str) -> bool:
    value = said.get(key)
    return isinstance(value, dict) and value.get("enabled") is True


def _is_off(said: Mapping[str, Any], key: str) -> bool:
    """Both members are optional in the published schema: a missing one is no answer.

    Raises:
        Unanswered
    """
    value = said.get(key)
    if not isinstance(value, dict) or not isinstance(value.get("enabled"), bool):
        raise Unanswered(f"protection of the branch: it does not say {key}")
    return value["enabled"] is False
