"""What the doctor says of the protection of targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gitalign.core.branch_rules import BranchProtection, RuleState
from gitalign.core.diagnosis import Diagnosis
from gitalign.core.names import display
from gitalign.errors import GitAlignError

_HINTS = {
    RuleState.SATISFIED: "",
    RuleState.VIOLATED: "change the rules of the branch on the service, or protection.require",
    RuleState.UNKNOWN: "ask again when the service can be reached, with a token that may read the rules",
}
_OK = {RuleState.SATISFIED: True, RuleState.VIOLATED: False, RuleState.UNKNOWN: None}


def protection_diagnoses(protections: Callable[[], Sequence[BranchProtection]]) -> Iterator[Diagnosis]:
    """One line for each target; none where no service is to be asked."""
    try:
        found = protections()
    except GitAlignError as error:
        yield Diagnosis(check="protection", ok=None, detail=error.message, hint=error.hint)
        return
    for one in found:
        faults = "; ".join(map(display, one.faults))
        hint = _HINTS[one.state]
        detail = f"{display(one.branch)}: {faults or 'as required'}"
        yield Diagnosis(check="protection", ok=_OK[one.state], detail=detail, hint=hint)
