"""What Gitea and Forgejo enforce on a branch: the protection rule that covers it, and how pull requests are merged.

Source: Gitea API v1, "repoListBranchProtection", "repoGet"; the order of rules is that of `ProtectedBranchRules.sort` in its source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gitalign.core.branch_rules import Observed, RuleName, Value
from gitalign.forges.asking import Asking, Unanswered


def observed(asking: Asking, repository: str, branch: str) -> Observed:
    """What is enforced on a branch; arguments and errors as for GitHub."""
    place = f"/repos/{quote(repository)}"
    listed = asking.pages(f"{place}/branch_protections")
    about = asking.get(place)
    if not isinstance(about, dict):
        raise Unanswered("the repository: not in the documented form")
    rule = _holding([one for one in listed if isinstance(one, dict)], branch)
    linear = not (about.get("allow_merge_commits", True) or about.get("allow_rebase_explicit", True))
    if rule is None:
        return Observed(
            values={**dict.fromkeys(RuleName, False), RuleName.STATUS_CHECKS: frozenset(), RuleName.APPROVALS: 0}
        )
    by_request = rule.get("enable_push") is False
    checks = rule.get("status_check_contexts") or () if rule.get("enable_status_check") else ()
    approvals = rule.get("required_approvals")
    values: dict[RuleName, Value] = {
        RuleName.PULL_REQUEST: by_request,
        RuleName.APPROVALS: approvals if isinstance(approvals, int) else 0,
        RuleName.DISMISS_STALE: rule.get("dismiss_stale_approvals") is True,
        RuleName.STATUS_CHECKS: frozenset(str(one) for one in checks),
        RuleName.LINEAR_HISTORY: linear and by_request,
        RuleName.NO_FORCE_PUSH: rule.get("enable_force_push") is not True,
        RuleName.NO_DELETION: True,
        RuleName.SIGNED: rule.get("require_signed_commits") is True,
    }
    return Observed(values=values)


def _holding(rules: Sequence[Mapping[str, Any]], branch: str) -> Mapping[str, Any] | None:
    """The rule that holds for a branch: the first that covers it, by priority, then plain names before patterns, then by age.

    Raises:
        Unanswered: one that goes before it has a pattern that is not understood here.
    """
    for rule in sorted(rules, key=_rank):
        name = _name(rule)
        if name == branch or (name and _covers(name, branch)):
            return rule
    return None


def _rank(rule: Mapping[str, Any]) -> tuple[int, bool, str]:
    """Services without priorities send none, or the same for all."""
    priority = rule.get("priority")
    is_pattern = any(char in _name(rule) for char in "*?[]{}\\!")
    return (priority if isinstance(priority, int) else 0, is_pattern, str(rule.get("created_at") or ""))


def _name(rule: Mapping[str, Any]) -> str:
    return str(rule.get("rule_name") or rule.get("branch_name") or "")


def _covers(pattern: str, branch: str) -> bool:
    """`*` and `?` stay within a part of the name, `**` does not.

    Raises:
        Unanswered: a pattern with more than that; what it covers is not known here.
    """
    if any(char in pattern for char in "[]{}\\!"):
        raise Unanswered(f"the pattern {pattern} of a protection rule is not understood")
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    words = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(words.get(part, re.escape(part)) for part in parts), branch) is not None
