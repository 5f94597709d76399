"""What a hosting service is to enforce on important branches, what it does enforce, and the verdict. Pure.

A rule that could not be read is unknown: never satisfied, never violated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Value = bool | int | frozenset[str]


class RuleName(StrEnum):
    """Rules that every supported service has in some form."""

    PULL_REQUEST = "pull_request"
    APPROVALS = "approvals"
    DISMISS_STALE = "dismiss_stale"
    STATUS_CHECKS = "status_checks"
    LINEAR_HISTORY = "linear_history"
    NO_FORCE_PUSH = "no_force_push"
    NO_DELETION = "no_deletion"
    SIGNED = "signed"


class RuleState(StrEnum):
    """What is known of a rule, or of all rules of a branch."""

    SATISFIED = "satisfied"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a service says of one branch.

    Attributes:
        values: what is enforced; a rule that is missing could not be read.
        incomplete: rules of which more may be enforced than could be read.
        reasons: why a rule could not be read whole.
        any_check: some status check must pass, but the service does not say which.
    """

    values: Mapping[RuleName, Value]
    incomplete: frozenset[RuleName] = frozenset()
    reasons: Mapping[RuleName, str] = field(default_factory=dict)
    any_check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """One rule of one branch.

    Attributes:
        detail: what was asked for and what is enforced, or why that is unknown.
    """

    rule: RuleName
    state: RuleState
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchProtection:
    """Everything about one branch.

    Attributes:
        branch: its name on the service.
        verdicts: of the rules that are asked for.
        reason: why nothing is known; empty otherwise.
    """

    branch: str
    verdicts: tuple[RuleVerdict, ...] = ()
    reason: str = ""

    @property
    def state(self) -> RuleState:
        """Violated by one rule; unknown by one; else satisfied."""
        states = {one.state for one in self.verdicts}
        if RuleState.VIOLATED in states:
            return RuleState.VIOLATED
        return RuleState.UNKNOWN if self.reason or RuleState.UNKNOWN in states else RuleState.SATISFIED

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it is not satisfied, in words."""
        wrong = tuple(f"{one.rule}: {one.detail}" for one in self.verdicts if one.state is not RuleState.SATISFIED)
        return (self.reason, *wrong) if self.reason else wrong


def judged(branch: str, required: Mapping[RuleName, Value], observed: Observed) -> BranchProtection:
    """The verdict on a branch.

    Args:
        branch: its name.
        required: rule -> True, the number of approvals, or the names of checks; what is left out is not asked for.
        observed: what the service says.
    """
    return BranchProtection(
        branch=branch, verdicts=tuple(_verdict(rule, wanted, observed) for rule, wanted in required.items())
    )


def _verdict(rule: RuleName, wanted: Value, observed: Observed) -> RuleVerdict:
    found = observed.values.get(rule)
    if rule is RuleName.STATUS_CHECKS and observed.any_check:
        return RuleVerdict(
            rule=rule, state=RuleState.SATISFIED, detail="the service lets nothing in that does not pass"
        )
    if found is not None and _is_met(wanted, found):
        return RuleVerdict(rule=rule, state=RuleState.SATISFIED, detail=_words(found))
    if found is None or rule in observed.incomplete:
        reason = observed.reasons.get(rule, "the service does not say")
        return RuleVerdict(rule=rule, state=RuleState.UNKNOWN, detail=reason)
    return RuleVerdict(
        rule=rule, state=RuleState.VIOLATED, detail=f"{_words(wanted)} required, {_words(found)} enforced"
    )


def _is_met(wanted: Value, found: Value) -> bool:
    if isinstance(wanted, frozenset):
        return isinstance(found, frozenset) and wanted <= found
    if isinstance(wanted, bool):
        return found is True or not wanted
    return isinstance(found, int) and found >= wanted


def _words(value: Value) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
