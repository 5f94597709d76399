"""What two plans of a repository differ in, branch by branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One branch that is planned otherwise.

    Attributes:
        branch: by name.
        what: each difference: what it is of, before, after.
    """

    branch: str
    what: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDiff:
    """The differences of two plans.

    Attributes:
        targets: name, before, after, of targets that moved, came or went.
        added, removed: branches that only the newer, only the older one has.
        changed: those that both have.
        same: how many are planned alike.
    """

    targets: Sequence[tuple[str, str, str]]
    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[Change]
    same: int


def plan_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> PlanDiff:
    """Compare two plans.

    Args:
        before, after: documents `plan`.
    """
    old, new = ({step["branch"]["name"]: _facts(step) for step in plan["steps"]} for plan in (before, after))
    both = sorted(old.keys() & new.keys())
    changed = [
        Change(
            branch=name,
            what=[(key, old[name][key], new[name][key]) for key in old[name] if old[name][key] != new[name][key]],
        )
        for name in both
        if old[name] != new[name]
    ]
    tips = [{one["name"]: one["oid"][:_SHORT] for one in plan["targets"]} for plan in (before, after)]
    names = sorted(tips[0].keys() | tips[1].keys())
    return PlanDiff(
        targets=[
            (name, tips[0].get(name, "none"), tips[1].get(name, "none"))
            for name in names
            if tips[0].get(name) != tips[1].get(name)
        ],
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed=changed,
        same=len(both) - len(changed),
    )


def _facts(step: Mapping[str, Any]) -> Mapping[str, str]:
    """What a reviewer looks at; that the target moved is said once, not for each branch."""
    return {
        "onto": step["target"]["name"],
        "what is done": step["kind"].replace("_", " "),
        "tip": step["seen"][:_SHORT],
        "own commits": str(step["own_commits"]),
        "behind": str(step["behind"]),
        "refused": step["refusal"][1] if step["refusal"] else "no",
    }
