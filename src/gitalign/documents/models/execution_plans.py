"""Models: parts of an execution plan; `landing.execution_plan` has the whole."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from gitalign.core.execution_plan import HeldCode


class PredictedConflictDocument(TypedDict):
    """Two branches of which the second to land will stop."""

    first: str
    second: str
    target: str
    paths: list[str]
    kinds: list[str]
    jointly: bool
    is_stop: bool


class ExecutionBatchDocument(TypedDict):
    """Branches that do not clash with one another, one by one and all together."""

    batch_id: int
    members: list[str]
    can_parallel: bool
    depends_on: list[int]
    predicted_conflicts: list[PredictedConflictDocument]
    metadata: dict[str, Any]


class HeldDocument(TypedDict):
    """A branch that lands with no batch, and why."""

    branch: str
    target: str
    code: HeldCode
    reason: str


class AdviceDocument(TypedDict):
    """Landing some branches before another spares work."""

    first: list[str]
    then: str
    saves: int


class ExecutionPlanDocument(TypedDict):
    """What lands when."""

    plan_id: str
    batches: list[ExecutionBatchDocument]
    held: list[HeldDocument]
    order: list[str]
    predicted_conflicts: list[PredictedConflictDocument]
    advice: list[AdviceDocument]
    stops: int
    least_stops: int
    dependencies: list[tuple[str, str]]
    critical_path: list[str]
    tags: dict[str, list[str]]
    metadata: dict[str, Any]
    is_complete: bool
