"""Results of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.outcome import StepResult
from gitalign.core.validation import Validation, ValidationStatus
from gitalign.documents.formats import opened, stamped
from gitalign.documents.house_rules import dump_compliance, load_compliance
from gitalign.documents.outcomes import dump_outcome, load_outcome
from gitalign.documents.reading import as_float, as_int, as_text, each, field, maybe, members, pair
from gitalign.documents.validations import dump_validation, load_validation

if TYPE_CHECKING:
    from gitalign.documents.models.results import StepResultDocument

_NOT_VALIDATED = Validation(status=ValidationStatus.NOT_CONFIGURED)
_PHASE = pair(as_text, as_float)


def dump_step_result(value: StepResult) -> StepResultDocument:
    """The outcome of one step with what it cost."""
    return {
        "step_id": value.step_id,
        "branch": value.branch,
        "outcome": dump_outcome(value.outcome),
        "duration_s": value.duration_s,
        "phases": list(value.phases),
        "attempts": value.attempts,
        "worker": value.worker,
        "detection": value.detection,
        "documentation": value.documentation,
        "summary": value.summary,
        "validation": dump_validation(value.validation),
        "compliance": None if value.compliance is None else dump_compliance(value.compliance),
    }


def load_step_result(value: Any) -> StepResult:
    """Reads what `dump_step_result` writes; raises `Malformed`."""
    data = members(value)
    return StepResult(
        step_id=field(data, "step_id", as_int),
        branch=field(data, "branch", as_text),
        outcome=field(data, "outcome", load_outcome),
        duration_s=field(data, "duration_s", as_float, 0.0),
        phases=each(data, "phases", _PHASE, ()),
        attempts=field(data, "attempts", as_int, 1),
        worker=field(data, "worker", as_int, 0),
        detection=field(data, "detection", as_text, "not configured"),
        documentation=field(data, "documentation", as_text, "not configured"),
        summary=maybe(data, "summary", as_text, None),
        validation=field(data, "validation", load_validation, _NOT_VALIDATED),
        compliance=maybe(data, "compliance", load_compliance, None),
    )


def dump(value: StepResult) -> dict[str, Any]:
    """The result of a step as a document of its own."""
    return stamped("result", dump_step_result(value))


def load(value: Any) -> StepResult:
    """The result of a step from a document.

    Raises:
        Malformed
    """
    return load_step_result(opened(value, "result"))
