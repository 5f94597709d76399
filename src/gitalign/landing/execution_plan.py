"""The execution plan: batches of branches that can land together, in an order, with the conflicts foreseen between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitalign.core.execution_plan import Advice, ExecutionBatch, Held, HeldCode, PredictedConflict
from gitalign.documents import wire

FORMAT = 1


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
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """The plan as a JSON document."""
        made: dict[str, Any] = wire.dump(self)
        return made

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ExecutionPlan:
        """Read `to_dict` back.

        Raises:
            wire.Malformed: with the place of the fault.
        """
        made = wire.load(cls, document)
        members = [member for batch in made.batches for member in batch.members]
        if len(set(members)) != len(members):
            raise wire.Malformed("ExecutionPlan.batches: a branch stands in two batches")
        for number, batch in enumerate(made.batches):
            if batch.batch_id != number or any(one not in range(number) for one in batch.depends_on):
                raise wire.Malformed(
                    f"ExecutionPlan.batches[{number}]: batches are numbered from 0 and depend on earlier ones"
                )
        if sorted(made.order) != sorted(members):
            raise wire.Malformed("ExecutionPlan.order: not the members of the batches")
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
