"""Rules per branch: the first that fits gives its strategy, otherwise the policy's own. Pure.

The strategies themselves are in `core/policy.py`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitalign.core.branch import Branch
from gitalign.core.policy import Policy, StrategyRule

_BY_RULE = re.compile(r"strategy \S+ by rule (\d+):")


def policy_for(branch: Branch, policy: Policy, *, numbers: Mapping[str, float]) -> tuple[Policy, str]:
    """The policy as it holds for one branch, and why it is not the general one; empty when it is.

    Args:
        branch: with its target and tags.
        policy: of the run.
        numbers: what is known of the branch, by name of the metric.
    """
    for position, rule in enumerate(policy.strategies, start=1):
        if _fits(rule, branch, numbers):
            merges = policy.merges if rule.merges is None else rule.merges
            return replace(policy, strategy=rule.strategy, merges=merges), _reason(rule, position, numbers)
    return policy, ""


def idle_rules(policy: Policy, notes: Iterable[str]) -> tuple[int, ...]:
    """Numbers of the rules, from 1, by which no branch is aligned.

    Args:
        policy: of a plan.
        notes: of its steps, where `policy_for` said which rule it was.
    """
    used = {int(found[1]) for note in notes if (found := _BY_RULE.match(note))}
    return tuple(number for number in range(1, len(policy.strategies) + 1) if number not in used)


def _fits(rule: StrategyRule, branch: Branch, numbers: Mapping[str, float]) -> bool:
    if rule.match is not None and not fnmatch.fnmatchcase(branch.name, rule.match):
        return False
    if rule.target is not None and branch.target != rule.target:
        return False
    if rule.tag is not None and rule.tag not in branch.tags:
        return False
    if rule.metric is None:
        return True
    number = numbers.get(rule.metric)
    # What no one measured fits no bound.
    return (
        number is not None
        and (rule.at_least is None or number >= rule.at_least)
        and (rule.at_most is None or number <= rule.at_most)
    )


def _reason(rule: StrategyRule, position: int, numbers: Mapping[str, float]) -> str:
    words = [
        *([f"name matches {rule.match}"] if rule.match is not None else []),
        *([f"target is {rule.target}"] if rule.target is not None else []),
        *([f"has the tag {rule.tag}"] if rule.tag is not None else []),
        *([f"{rule.metric} is {numbers[rule.metric]:g}"] if rule.metric is not None else []),
    ]
    return f"strategy {rule.strategy} by rule {position}: {', '.join(words)}"
