"""A report read back, with the plan that it is about: for who shows a report that another machine wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitalign.core.outcome import StepResult
from gitalign.core.plan import Plan
from gitalign.core.report import Report
from gitalign.documents.moves import load_move
from gitalign.documents.outcomes import load_outcome
from gitalign.documents.reading import (
    as_bool,
    as_float,
    as_int,
    as_text,
    as_time,
    each,
    field,
    mapping,
    maybe,
    members,
)
from gitalign.documents.runs import load_run
from gitalign.documents.validations import load_validation

_PHASES = mapping(as_float)


def load_report(value: Any, plan: Plan) -> Report:
    """A report from its document. What the house rules said of a branch is not read back.

    Args:
        value: the document `report`.
        plan: of the run.

    Raises:
        Malformed
    """
    data = members(value)
    steps = {(step.branch.name, step.target.name): step.id for step in plan.steps}
    rows = [members(one) for one in data.get("branches", ())]
    return Report(
        run=field(data, "run", load_run),
        plan=plan,
        results=tuple(_result(one, steps) for one in rows if (one.get("branch"), one.get("target")) in steps),
        publications=each(data, "moves", load_move),
        phases=tuple(field(data, "phases", _PHASES).items()),
        peak_memory_bytes=field(data, "peak_memory_bytes", as_int, 0),
        processor_s=field(data, "processor_s", as_float, 0.0),
        breaker_tripped=field(data, "breaker_tripped", as_bool, False),
        notices=each(data, "notices", as_text, ()),
        executed_at=field(data, "executed_at", as_time),
        total_s=field(data, "total_s", as_float, 0.0),
        waiting=each(data, "waiting_pushes", load_move, ()),
    )


def _result(data: Mapping[str, Any], steps: Mapping[tuple[Any, Any], int]) -> StepResult:
    return StepResult(
        step_id=steps[data["branch"], data["target"]],
        branch=str(data["branch"]),
        outcome=field(data, "outcome", load_outcome),
        duration_s=field(data, "duration_s", as_float, 0.0),
        phases=tuple(field(data, "phases", _PHASES).items()),
        attempts=field(data, "attempts", as_int, 1),
        detection=field(data, "detection", as_text, "not configured"),
        documentation=field(data, "documentation", as_text, "not configured"),
        summary=maybe(data, "summary", as_text, None),
        validation=field(data, "validation", load_validation),
    )
