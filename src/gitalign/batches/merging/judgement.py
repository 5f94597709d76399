"""Whether a set of results may land: merged in memory, compared with what the target gained, held to the gates."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from gitalign.batches.merging.gates import GateAnswer, GateHolder
from gitalign.batches.merging.landing import Landing
from gitalign.batches.merging.merge_members import MemberMerger, MergedMembers
from gitalign.batches.merging.stale import merged_results, stale_refusal
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import MergeStatus
from gitalign.engine.gates.branch_checks import pool_of
from gitalign.engine.gates.gate import GateContext
from gitalign.git.quarantine import Quarantine
from gitalign.worktrees.pool import WorkTreePool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a set of results came to.

    Attributes:
        numbers: of the results, in the order of the plan.
        merged: what merging them came to.
        answer: of the gates, or why it did not come to them.
    """

    numbers: tuple[int, ...]
    merged: MergedMembers
    answer: GateAnswer

    @property
    def passes(self) -> bool:
        """Whether all of them may land together."""
        return self.answer.status is MergeStatus.SUCCESS


class Judge:
    """Judges sets of results of one batch; the same set once only.

    Args:
        landing: of the batch.
        quarantine: where results are merged.
        merger: merges them.
        until_then: closed when no set is judged any more.
    """

    def __init__(self, landing: Landing, quarantine: Quarantine, merger: MemberMerger, until_then: ExitStack) -> None:
        self._landing = landing
        self._quarantine = quarantine
        self._merger = merger
        self._until_then = until_then
        self._pool: WorkTreePool | None = None
        self._known: dict[tuple[tuple[int, ...], bool], Judgement] = {}
        self.validations = 0
        """Sets that were held to the operator's checks so far."""

    def judge(self, numbers: Sequence[int], *, with_checks: bool = True) -> Judgement:
        """Judge a set.

        Args:
            numbers: of results, in the order of the plan.
            with_checks: hold it to the operator's checks, too.

        Raises:
            GitError, OutOfSpace, UserError: nothing may land, and nothing is known of any result.
        """
        key = (tuple(numbers), with_checks)
        if key not in self._known:
            self._known[key] = self._judged(tuple(numbers), with_checks=with_checks)
        return self._known[key]

    def _judged(self, numbers: tuple[int, ...], *, with_checks: bool) -> Judgement:
        members = [self._landing.members[number] for number in numbers]
        merged = self._merger.merge(members)
        if numbers and not merged.merged and not merged.unmerged:
            return Judgement(numbers=numbers, merged=merged, answer=GateAnswer())  # the target holds all of them
        if merged.unmerged:
            answer = GateAnswer(status=MergeStatus.CONFLICTS, reason=f"{', '.join(merged.unmerged)} does not merge")
            return Judgement(numbers=numbers, merged=merged, answer=answer)
        answer = self._looked_at(members, merged) or self._held(members, merged, with_checks=with_checks)
        return Judgement(numbers=numbers, merged=merged, answer=answer)

    def _looked_at(self, members: Sequence[Member], merged: MergedMembers) -> GateAnswer | None:
        """A refusal where a result takes back what the target, or one before it, gained."""
        results = merged_results(members, merged, target=self._landing.target.oid, containment=self._merger.containment)
        culprit, reason = stale_refusal(self._quarantine.git, results)
        return GateAnswer(status=MergeStatus.REFUSED, reason=reason, culprit=culprit) if culprit else None

    def _held(self, members: Sequence[Member], merged: MergedMembers, *, with_checks: bool) -> GateAnswer:
        landing, gates = self._landing, self._landing.gates
        if not with_checks:
            gates = replace(gates, checks=replace(gates.checks, commands=(), files=(), startup=None))
        elif gates.checks.is_configured:
            self.validations += 1
        holder = GateHolder(
            gates=gates,
            run=landing.run,
            quarantine=self._quarantine,
            target=landing.target,
            snapshot=landing.snapshot,
            name=landing.name,
            pool=self._work_tree,
        )
        return holder.hold(members, merged)

    def _work_tree(self, context: GateContext) -> WorkTreePool | None:
        """One work tree, in which every set is laid out after the one before: files that they share are written once."""
        checks = self._landing.gates.checks
        if self._pool is None and checks.is_configured:
            self._pool = self._until_then.enter_context(pool_of(checks, context, width=1))
        return self._pool
