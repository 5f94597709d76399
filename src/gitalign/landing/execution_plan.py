"""The execution plan: batches of branches that can land together, in an order, with the conflicts foreseen between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitalign.core.execution_plan import Advice, ExecutionBatch, Held, HeldCode, PredictedConflict
from gitalign.documents.execution_plans import (
    dump_advice,
    dump_execution_batch,
    dump_held,
    dump_predicted_conflict,
    load_advice,
    load_execution_batch,
    load_held,
    load_predicted_conflict,
)
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import (
    Malformed,
    as_bool,
    as_int,
    as_text,
    each,
    field,
    many,
    mapping,
    members,
    pair,
    plain,
)

if TYPE_CHECKING:
    from gitalign.documents.models.execution_plans import ExecutionPlanDocument

_DEPENDENCY = pair(as_text, as_text)
_TAGS = mapping(many(as_text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPlan:
    """What lands when.

    Attributes:
        plan_id: of the plan it was made from.
        batches: in the order of landing.
        order: all branches in the order of landing.
        stops: branches that will stop for a person because something landed before them.
        least_stops: no order has fewer; equal to `stops` when the order is proved the best.
        dependencies: (before, after), from stacks and the configuration.
        critical_path: the longest chain of branches that must land one after another.
        tags: by branch, held ones too.
        metadata: `total_tasks, total_batches, parallel_batch_count, parallel_possible, conflicts_detected, circular_dependencies,
            missing_dependencies, planning_mode`; `notices` where something was to settle conflicts and cannot.
    """

    plan_id: str
    batches: tuple[ExecutionBatch, ...]
    held: tuple[Held, ...]
    order: tuple[str, ...]
    predicted_conflicts: tuple[PredictedConflict, ...]
    advice: tuple[Advice, ...]
    stops: int
    least_stops: int
    dependencies: tuple[tuple[str, str], ...]
    critical_path: tuple[str, ...]
    tags: Mapping[str, tuple[str, ...]]
    metadata: Mapping[str, Any]
    is_complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The plan as a JSON document."""
        content: ExecutionPlanDocument = {
            "plan_id": self.plan_id,
            "batches": [dump_execution_batch(batch) for batch in self.batches],
            "held": [dump_held(held) for held in self.held],
            "order": list(self.order),
            "predicted_conflicts": [dump_predicted_conflict(conflict) for conflict in self.predicted_conflicts],
            "advice": [dump_advice(advice) for advice in self.advice],
            "stops": self.stops,
            "least_stops": self.least_stops,
            "dependencies": list(self.dependencies),
            "critical_path": list(self.critical_path),
            "tags": {branch: list(tags) for branch, tags in self.tags.items()},
            "metadata": plain(self.metadata),
            "is_complete": self.is_complete,
        }
        return stamped("execution-plan", content)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ExecutionPlan:
        """Read `to_dict` back.

        Raises:
            Malformed: with the place of the fault.
        """
        data = opened(document, "execution-plan")
        made = cls(
            plan_id=field(data, "plan_id", as_text),
            batches=each(data, "batches", load_execution_batch),
            held=each(data, "held", load_held),
            order=each(data, "order", as_text),
            predicted_conflicts=each(data, "predicted_conflicts", load_predicted_conflict),
            advice=each(data, "advice", load_advice),
            stops=field(data, "stops", as_int),
            least_stops=field(data, "least_stops", as_int),
            dependencies=each(data, "dependencies", _DEPENDENCY),
            critical_path=each(data, "critical_path", as_text),
            tags=field(data, "tags", _TAGS),
            metadata=field(data, "metadata", members),
            is_complete=field(data, "is_complete", as_bool, True),
        )
        branches = [member for batch in made.batches for member in batch.members]
        if len(set(branches)) != len(branches):
            raise Malformed("a branch stands in two batches", "batches")
        for number, batch in enumerate(made.batches):
            if batch.batch_id != number or any(one not in range(number) for one in batch.depends_on):
                raise Malformed("batches are numbered from 0 and depend on earlier ones", f"batches[{number}]")
        if sorted(made.order) != sorted(branches):
            raise Malformed("not the members of the batches", "order")
        return made

    @property
    def total_tasks(self) -> int:
        """Branches in batches."""
        return len(self.order)

    @property
    def parallel_batches(self) -> tuple[ExecutionBatch, ...]:
        """Batches whose members can land side by side."""
        return tuple(batch for batch in self.batches if batch.can_parallel)

    def exit_code(self) -> int:
        """0 when every branch lands without a person, 1 when some need one, 130 when it was stopped."""
        if not self.is_complete:
            return 130
        return 1 if self.stops or any(one.code is not HeldCode.NOTHING_TO_LAND for one in self.held) else 0
