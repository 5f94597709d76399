"""One attempt to land a batch, as a value, and how batches land."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.batches.merging.gates import Gates
from gitalign.batches.merging.merge_members import MergeRules
from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid
from gitalign.core.plan import Target
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.runtime.context import RunContext


@dataclass(frozen=True, slots=True, kw_only=True)
class LandOptions:
    """How batches land.

    Attributes:
        squash: one plain commit for each result, in place of a merge.
        attempts: how often a batch is merged and tested again because its target moved meanwhile.
        reruns: how often a failed check is run again before a result is left out for it.
        most_validations: sets of results that are held to the checks before the search for the largest one gives up.
    """

    squash: bool = False
    attempts: int = 3
    reruns: int = 2
    most_validations: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One attempt to land a batch.

    Attributes:
        members: results of the batch, in the order of the plan.
        target: the branch, with the commit that results are merged onto.
        before: where the branch stands here.
        push_to: where it is pushed; None when it is not.
        options: how it lands.
    """

    options: LandOptions
    run: RunContext
    guard: Guard
    gates: Gates
    rules: MergeRules
    batch_id: str
    number: int
    members: Sequence[Member]
    target: Target
    before: Oid
    push_to: PushPlace | None = None

    @property
    def name(self) -> str:
        """Of the batch, as gates name it."""
        return f"batch/{self.batch_id}/{self.number}"

    @property
    def snapshot(self) -> Snapshot:
        """Of the repository, as far as the landing is concerned."""
        repository = self.run.repository
        return Snapshot(
            repository=repository.common_dir,
            object_format=repository.object_format,
            taken_at=self.run.started_at,
            tips=(Tip(ref=self.target.ref, oid=self.before),),
        )
