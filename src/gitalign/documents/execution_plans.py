"""Parts of an execution plan; `landing.execution_plan` has the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.execution_plan import Advice, ExecutionBatch, Held, HeldCode, PredictedConflict
from gitalign.documents.reading import as_bool, as_int, as_it_is, as_text, each, field, mapping, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.execution_plans import (
        AdviceDocument,
        ExecutionBatchDocument,
        HeldDocument,
        PredictedConflictDocument,
    )

_METADATA = mapping(as_it_is)
_HELD_CODE = member_of(HeldCode)


def dump_predicted_conflict(value: PredictedConflict) -> PredictedConflictDocument:
    """Two branches of which the second to land will stop."""
    return {
        "first": value.first,
        "second": value.second,
        "target": value.target,
        "paths": list(value.paths),
        "kinds": list(value.kinds),
        "jointly": value.jointly,
        "is_stop": value.is_stop,
    }


def load_predicted_conflict(value: Any) -> PredictedConflict:
    """Reads what `dump_predicted_conflict` writes; raises `Malformed`."""
    data = members(value)
    return PredictedConflict(
        first=field(data, "first", as_text),
        second=field(data, "second", as_text),
        target=field(data, "target", as_text),
        paths=each(data, "paths", as_text),
        kinds=each(data, "kinds", as_text),
        jointly=field(data, "jointly", as_bool, False),
        is_stop=field(data, "is_stop", as_bool, True),
    )


def dump_execution_batch(value: ExecutionBatch) -> ExecutionBatchDocument:
    """Branches that do not clash with one another, one by one and all together."""
    return {
        "batch_id": value.batch_id,
        "members": list(value.members),
        "can_parallel": value.can_parallel,
        "depends_on": list(value.depends_on),
        "predicted_conflicts": [dump_predicted_conflict(item) for item in value.predicted_conflicts],
        "metadata": dict(value.metadata),
    }


def load_execution_batch(value: Any) -> ExecutionBatch:
    """Reads what `dump_execution_batch` writes; raises `Malformed`."""
    data = members(value)
    return ExecutionBatch(
        batch_id=field(data, "batch_id", as_int),
        members=each(data, "members", as_text),
        can_parallel=field(data, "can_parallel", as_bool),
        depends_on=each(data, "depends_on", as_int),
        predicted_conflicts=each(data, "predicted_conflicts", load_predicted_conflict),
        metadata=field(data, "metadata", _METADATA, {}),
    )


def dump_held(value: Held) -> HeldDocument:
    """A branch that lands with no batch, and why."""
    return {
        "branch": value.branch,
        "target": value.target,
        "code": value.code,
        "reason": value.reason,
    }


def load_held(value: Any) -> Held:
    """Reads what `dump_held` writes; raises `Malformed`."""
    data = members(value)
    return Held(
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        code=field(data, "code", _HELD_CODE),
        reason=field(data, "reason", as_text),
    )


def dump_advice(value: Advice) -> AdviceDocument:
    """Landing some branches before another spares work."""
    return {
        "first": list(value.first),
        "then": value.then,
        "saves": value.saves,
    }


def load_advice(value: Any) -> Advice:
    """Reads what `dump_advice` writes; raises `Malformed`."""
    data = members(value)
    return Advice(
        first=each(data, "first", as_text),
        then=field(data, "then", as_text),
        saves=field(data, "saves", as_int),
    )
